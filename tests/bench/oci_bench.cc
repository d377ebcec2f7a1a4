// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/oci_bench.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/oci_bundle.h"
#include "tests/bench/oci_report.h"
#include "tests/images/sources.h"
#include "tests/vm/machine.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;
using Strings = std::vector<std::string>;

constexpr int kRounds = 200;
constexpr const char *kGuestDirectory = "/var/lib/ballast-bench";
constexpr std::chrono::minutes kHostTime{10}, kGuestTime{60}; // the guest may be emulated

// The measurer's command line; `place` is where it, the payload and the bundles lie.
Strings measurer(const fs::path &program, const fs::path &place, int rounds, const Strings &runtimes) {
    Strings command{program,
                    "--rounds",
                    std::to_string(rounds),
                    "--once",
                    place / "once",
                    "--standing",
                    place / "standing",
                    "--payload",
                    place / "rootfs/payload"};
    command.insert(command.end(), runtimes.begin(), runtimes.end());
    return command;
}

Result<OciResults> measure_here(const Settings &settings, const std::string &profile) {
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create("/tmp", "bench-oci-"));
    const fs::path programs = images::own_directory(), place = scratch.path();
    TRY(write_bundles(place, place, programs / "payload", profile, false));
    const std::string flag = ",--cgroup-manager=disabled";
    const Strings runtimes{"ballast-oci=" + fs::absolute(settings.oci).string() + flag, "crun=/usr/bin/crun" + flag};
    Strings command = measurer(programs / "ballast-oci-measure", place, settings.rounds_or(kRounds), runtimes);
    command.push_back("--own-mounts");
    return from_json(TRY(run_checked({.arguments = command, .timeout = kHostTime})));
}

Result<OciResults> measure_in_image(const Settings &settings, const std::string &profile) {
    const fs::path there = kGuestDirectory;
    vm::MachineOptions options = TRY(machine_of(settings, "test", "oci"));
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create("/tmp", "bench-oci-"));
    const fs::path programs = images::own_directory();
    TRY(write_bundles(scratch.path(), there, programs / "payload", profile, true));
    vm::Machine machine = TRY(vm::Machine::from_snapshot(std::move(options)));
    TRY(machine.copy_in(scratch.path(), there));
    TRY(machine.copy_in(programs / "ballast-oci-measure", there / "ballast-oci-measure"));
    TRY(machine.copy_in(settings.oci, there / "ballast-oci"));
    const Strings runtimes{"ballast-oci=" + (there / "ballast-oci").string(), "crun=/usr/bin/crun",
                           "runc=/usr/sbin/runc"};
    const Command command{.arguments =
                              measurer(there / "ballast-oci-measure", there, settings.rounds_or(kRounds), runtimes)};
    return from_json(TRY(machine.run_checked(command.describe(), kGuestTime)));
}

void show(const OciResults &results, const std::string &place, const std::vector<Comparison> &all) {
    for (std::size_t i = 1; i < results.runtimes.size(); ++i) {
        Report part{.bench = "oci, " + place, .peer = results.runtimes[i].name, .results = {}};
        std::ranges::copy_if(all, std::back_inserter(part.results),
                             [&part](const Comparison &each) { return each.peer == part.peer; });
        std::printf("\n%s", table(part).c_str());
    }
    std::printf("\n%s\n%s%s", phase_table(results).c_str(), verdicts(results).c_str(), "\n");
    std::printf("%s", call_table(results).c_str());
    std::fflush(stdout);
}

} // namespace

Status bench_oci(const Settings &settings) {
    if (!fs::exists(settings.oci)) {
        return fail(ENOENT, settings.oci.string() + " is not there: ./dev bench builds it");
    }
    TRY(make_directories(settings.results()));
    TRY(remove_tree(settings.logs() / "oci"));
    const std::string profile = TRY(debian_seccomp_profile(settings.cache));
    Report report{.bench = "oci", .peer = "crun", .results = {}};
    const auto add = [&report](const OciResults &results, const std::string &place) {
        const std::vector<Comparison> compared = compare_runtimes(results, place);
        show(results, place, compared);
        report.results.insert(report.results.end(), compared.begin(), compared.end());
    };
    add(TRY(measure_here(settings, profile).within("on this machine")), "native");
    add(TRY(measure_in_image(settings, profile).within("in the image")), "image");
    const fs::path file = settings.results() / "oci.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n", file.c_str());
    return {};
}

} // namespace ballast::bench
