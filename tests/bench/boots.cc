// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/boots.h"

#include <chrono>
#include <cstdio>
#include <format>
#include <thread>

#include "base/file_io.h"
#include "tests/vm/machine.h"
#include "tests/vm/ssh.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;
using std::chrono::steady_clock;
using vm::Machine;

constexpr int kRounds = 5;
constexpr std::chrono::seconds kIdleTime{60};
constexpr std::uint64_t kDiskSize = 20ULL << 30;

// The kernel's word of the first process in the initramfs, in seconds, and systemd's own record of the boot: of the
// manager, of the target and of the unit that told us.
constexpr const char *kTimestamps =
    "systemctl show -p UserspaceTimestampMonotonic; "
    "echo FirstProcess=$(dmesg | sed -n 's/^\\[ *\\([0-9.]*\\)\\] Run .* as init process$/\\1/p' | head -n 1); "
    "echo TargetReached=$(systemctl show -P ActiveEnterTimestampMonotonic multi-user.target); "
    "echo ReportSent=$(systemctl show -P ActiveEnterTimestampMonotonic ballast-test-ready.service)";

// One contender in one round.
struct Entrant {
    const Contender *contender;
    BootSamples *samples;
    Machine machine;
};

Status write_seed(const fs::path &directory, const std::string &public_key) {
    TRY(make_directories(directory));
    TRY(write_file(directory / "meta-data", "instance-id: bench-1\nlocal-hostname: bench\n"));
    return write_file(directory / "user-data", "#cloud-config\n"
                                               "hostname: bench\n"
                                               "disable_root: false\n"
                                               "users:\n"
                                               "  - name: captain\n"
                                               "    shell: /bin/bash\n"
                                               "    ssh_authorized_keys:\n"
                                               "      - " +
                                                   public_key + "\n");
}

// A machine that has not been switched on yet.
Result<Entrant> enter(const Contender &contender, BootSamples &samples, const Settings &settings,
                      const fs::path &seed) {
    vm::MachineOptions options{.image = contender.disk, .disk_size = kDiskSize};
    options.seed = seed;
    options.ready_timeout = std::chrono::minutes(15);
    options.log_directory = settings.logs() / contender.name;
    options.state_directory = settings.cache / "vm";
    // Started only for its files, so that first and later boots are timed by the same call.
    Machine machine = TRY(Machine::start_paused(options));
    TRY(machine.cut_power());
    return Entrant{&contender, &samples, std::move(machine)};
}

void tell(int round, int rounds, const Contender &contender, const char *what, double value, const char *unit) {
    std::fputs(
        std::format("{:<28} {:6.1f} {:<3}  ({}, {} of {})\n", what, value, unit, contender.name, round, rounds).c_str(),
        stdout);
    std::fflush(stdout);
}

Result<double> timed_boot(Machine &machine) {
    const auto start = steady_clock::now();
    TRY(machine.power_on());
    return std::chrono::duration<double>(steady_clock::now() - start).count();
}

Status first_boot(Entrant &entrant, int round, int rounds) {
    const double seconds = TRY(timed_boot(entrant.machine));
    entrant.samples->first.push_back(seconds);
    tell(round, rounds, *entrant.contender, "first boot", seconds, "s");
    // Everything that belongs to a first boot is to be over: cloud-init's last part follows multi-user.target.
    (void)TRY(entrant.machine.run("systemctl is-system-running --wait")); // "degraded" is an answer, too
    return entrant.machine.shutdown();
}

Status later_boot(Entrant &entrant, int round, int rounds) {
    Machine &machine = entrant.machine;
    BootSamples &samples = *entrant.samples;
    const double seconds = TRY(timed_boot(machine));
    const auto reached = steady_clock::now();
    samples.later.push_back(seconds);
    tell(round, rounds, *entrant.contender, "later boot", seconds, "s");
    // The one thing that is waited for by the clock: it is part of what is measured.
    std::this_thread::sleep_until(reached + kIdleTime);
    const double used = TRY(used_memory(TRY(machine.run_checked("cat /proc/meminfo"))));
    samples.idle_mib.push_back(used);
    tell(round, rounds, *entrant.contender, "idle memory", used, "MiB");
    samples.parts.push_back(TRY(boot_parts(TRY(machine.run_checked(kTimestamps)), seconds)));
    (void)TRY(machine.run("systemctl is-system-running --wait")); // blame wants a boot that is finished
    samples.blame = TRY(machine.run_checked("systemd-analyze blame --no-pager"));
    return machine.cut_power();
}

} // namespace

Result<BootResults> measure_boots(const Contender &ours, const Contender &theirs, const Settings &settings,
                                  const fs::path &scratch) {
    const fs::path seed = scratch / "seed";
    TRY(write_seed(seed, TRY(vm::test_key(settings.cache / "vm")).public_line));
    BootResults results;
    const int rounds = settings.rounds_or(kRounds);
    for (int round = 1; round <= rounds; ++round) {
        Entrant a = TRY(enter(ours, results.ours, settings, seed));
        Entrant b = TRY(enter(theirs, results.theirs, settings, seed));
        TRY(first_boot(a, round, rounds).within("our image, first boot"));
        TRY(first_boot(b, round, rounds).within("the peer, first boot"));
        TRY(later_boot(a, round, rounds).within("our image, later boot"));
        TRY(later_boot(b, round, rounds).within("the peer, later boot"));
    }
    return results;
}

} // namespace ballast::bench
