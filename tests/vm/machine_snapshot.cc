// SPDX-License-Identifier: Apache-2.0
#include <time.h>

#include "base/file_io.h"
#include "tests/vm/accelerator.h"
#include "tests/vm/machine_state.h"
#include "tests/vm/snapshot_key.h"

// Saving a booted machine once and starting from it ever after.
//
// The saved disk is an overlay that nobody writes to any more, so a start makes a small new overlay on it and copies
// nothing; memory is a file beside it that every start reads. (A snapshot inside a qcow2 file, "savevm", would have to
// be copied for each start, because its owner writes to the same file.)
namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kBootIdFile = "boot-id";

Status check_savable(const MachineOptions &options) {
    const char *obstacle = options.disk_bus == DiskBus::kNvme ? "QEMU cannot save an NVMe disk"
                           : options.write_to_image           ? "the image itself would be written to"
                           : !options.disks.empty()           ? "extra disks would be shared; use attach_disk()"
                           : !options.cables.empty()          ? "cables of several machines would lead to one place"
                           : !options.write_log.empty()       ? "what was written before would not be in the log"
                                                              : nullptr;
    if (obstacle != nullptr) {
        return fail(EINVAL, std::string("test machine from a snapshot: ") + obstacle);
    }
    return {};
}

// At the moment the guest runs the command; what passes between is the time of one ssh session.
std::string set_clock_command() {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const std::string nanoseconds = std::to_string(1'000'000'000 + now.tv_nsec).substr(1);
    return "date -u -s @" + std::to_string(now.tv_sec) + "." + nanoseconds + " >/dev/null";
}

} // namespace

Status Machine::save(const MachineOptions &options, const fs::path &directory) {
    const json image = TRY(file_identity(options.image));
    auto state = TRY(State::create(options));
    TRY(state->make_files(directory));
    TRY(state->launch(false));
    Machine machine(std::move(state));
    TRY(machine.resume());
    TRY(machine.wait_until_ready());
    // Jobs still queued would otherwise run again in every machine; a degraded system is the test's business, not ours.
    TRY(machine.run("systemctl is-system-running --wait; sync").within("settle"));
    State &running = *machine.state_;
    running.ssh.reset();
    TRY(running.save_memory(directory / "memory"));
    TRY(write_file(directory / kBootIdFile, running.boot_id));
    TRY(write_file(directory / Snapshot::kImageFile, image.dump()));
    return {};
}

Result<Machine> Machine::from_snapshot(MachineOptions options) {
    TRY(check_options(options));
    TRY(check_savable(options));
    const Accelerator accelerator =
        options.accelerator ? *options.accelerator : TRY(working_accelerator(options.state_directory));
    const json environment = {{"qemu", TRY(qemu_version())},
                              {"accelerator", static_cast<int>(accelerator)},
                              {"ssh_key", TRY(test_key(options.state_directory)).public_line}};
    options.accelerator = accelerator;
    const std::string key = TRY(snapshot_key(options, environment).within("test machine"));
    Snapshot snapshot =
        TRY(Snapshot::open_or_make(options.state_directory, key, [&options](const fs::path &directory) -> Status {
            remove_stale_snapshots(options.state_directory);
            return save(options, directory).within("make a snapshot of " + options.image.string());
        }));
    auto state = TRY(State::create(std::move(options)));
    state->boot_id = TRY(read_file(snapshot.path() / kBootIdFile));
    TRY(state->make_files_from(std::move(snapshot)));
    TRY(state->launch(true));
    TRY(state->load_memory());
    Machine machine(std::move(state));
    TRY(machine.resume());
    TRY(machine.state_->connection()); // logging in takes a while: read the clock after it
    TRY(machine.run_checked(set_clock_command()).within("set the guest's clock"));
    return machine;
}

} // namespace ballast::vm
