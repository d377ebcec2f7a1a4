// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/file_io.h"
#include "tests/vm/arguments.h"
#include "tests/vm/disk_image.h"
#include "tests/vm/machine.h"
#include "tests/vm/scratch.h"
#include "tests/vm/snapshot_store.h"
#include "tests/vm/supervise.h"

namespace ballast::vm {
namespace {

constexpr int kCannotRun = 125; // as docker run and timeout(1): our failure, not the command's

Result<int> run_in_machine(const Arguments &arguments, MachineOptions options) {
    TRY(check_image(options.image));
    options.disk_size = std::max(options.disk_size, TRY(inspect_disk(options.image)).size);
    // Only a machine without a history can tell what a seed does on first boot.
    const bool savable = options.disk_bus == DiskBus::kVirtio;
    const bool boots = arguments.fresh || !options.seed.empty() || !savable;
    Machine machine = boots ? TRY(Machine::boot(options)) : TRY(Machine::from_snapshot(options));
    return machine.run_attached(guest_command(arguments.command));
}

} // namespace

int run_command(const Arguments &arguments) {
    MachineOptions options = arguments.machine;
    Result<std::filesystem::path> logs = make_log_directory(arguments.output, "run");
    if (!logs.has_value()) {
        report(logs.error());
        return kCannotRun;
    }
    options.log_directory = *logs;
    const auto work = [&arguments, &options] {
        const Result<int> status = run_in_machine(arguments, options);
        if (!status.has_value()) {
            report(status.error());
            return kCannotRun;
        }
        (void)remove_tree(options.log_directory); // kept only when the machine failed
        return *status;
    };
    return supervise(work, [&options](bool interrupted) {
        Scratch::sweep(options.state_directory / "run");
        if (interrupted) {
            remove_stale_snapshots(options.state_directory); // among them one that was being made
            (void)remove_tree(options.log_directory);        // whoever stops a machine knows why
        }
    });
}

} // namespace ballast::vm
