// SPDX-License-Identifier: Apache-2.0
#include <array>
#include <csignal>
#include <iostream>
#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/file_io.h"
#include "tests/vm/arguments.h"
#include "tests/vm/console.h"
#include "tests/vm/disk_image.h"
#include "tests/vm/machine.h"
#include "tests/vm/qmp.h"
#include "tests/vm/scratch.h"
#include "tests/vm/supervise.h"

namespace ballast::vm {
namespace {

constexpr std::uint16_t kApiPort = 2376;

Status describe(const Machine &machine) {
    std::string login;
    for (const std::string &word : machine.login_command()) {
        login += (login.empty() ? "" : " ") + word;
    }
    std::cout << "ssh:        " << login << "\nssh port:   " << TRY(machine.port(22))
              << "\nAPI port:   " << TRY(machine.port(kApiPort)) << " (the guest's " << kApiPort << ")\n"
              << "serial log: " << machine.serial_log().string() << "\n";
    return {};
}

Status boot_in_foreground(const MachineOptions &options) {
    Machine machine = TRY(Machine::start_paused(options));
    TRY(describe(machine));
    std::cout << "ctrl-a x quits\n" << std::flush;
    const Fd console = TRY(connect_unix(machine.console_socket()));
    TRY(machine.resume());
    const ConsoleEnd end = TRY(run_console(console, machine.pidfd()));
    std::cout << (end == ConsoleEnd::kQuit ? "\nquit\n" : "\nthe machine is off\n") << std::flush;
    return {};
}

Status boot_detached(const MachineOptions &options, const std::function<void()> &released) {
    Machine machine = TRY(Machine::boot(options));
    TRY(describe(machine));
    std::cout << "pid:        " << getpid() << "\nstop it:    kill " << getpid() << "\n" << std::flush;
    sigset_t ending;
    sigemptyset(&ending);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&ending, number);
    }
    const Fd signals(signalfd(-1, &ending, SFD_CLOEXEC));
    if (!signals.is_open()) {
        return fail_errno("signalfd");
    }
    released();
    std::array<pollfd, 2> waiting{{{signals.get(), POLLIN, 0}, {machine.pidfd().get(), POLLIN, 0}}};
    while (poll(waiting.data(), waiting.size(), -1) < 0 && errno == EINTR) {
    }
    return {}; // destroying the machine kills and removes it
}

Status size_overlay(MachineOptions &options) {
    TRY(check_image(options.image));
    if (!options.write_to_image) {
        options.disk_size = std::max(options.disk_size, TRY(inspect_disk(options.image)).size);
    }
    return {};
}

} // namespace

int boot_command(const Arguments &arguments) {
    MachineOptions options = arguments.machine;
    options.console_login = true;
    options.forwarded_ports = {kApiPort};
    options.scratch_directory = arguments.output / "vm";
    if (const Status sized = size_overlay(options); !sized.has_value()) {
        report(sized.error());
        return 1;
    }
    Result<std::filesystem::path> logs = make_log_directory(arguments.output, "boot");
    if (!logs.has_value()) {
        report(logs.error());
        return 1;
    }
    options.log_directory = *logs;
    const auto work = [&options, &arguments](const std::function<void()> &released) {
        const Status done = arguments.detach ? boot_detached(options, released) : boot_in_foreground(options);
        if (!done.has_value()) {
            report(done.error());
            return 1;
        }
        (void)remove_tree(options.log_directory); // kept only when the machine failed
        return 0;
    };
    const auto tidy = [&options](bool interrupted) {
        Scratch::sweep(options.scratch_directory);
        if (interrupted) {
            (void)remove_tree(options.log_directory); // whoever stops a machine knows why
        }
    };
    return arguments.detach ? supervise_until_released(work, tidy) : supervise([&work] { return work([] {}); }, tidy);
}

} // namespace ballast::vm
