// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>

#include "base/http/file_server.h"
#include "tests/vm/boot_watch.h"
#include "tests/vm/machine.h"
#include "tests/vm/qemu_plan.h"
#include "tests/vm/qmp.h"
#include "tests/vm/scratch.h"
#include "tests/vm/snapshot_store.h"
#include "tests/vm/ssh.h"

// What stands behind a Machine, for the files that implement it.
namespace ballast::vm {

struct Machine::State {
    MachineOptions options;
    Accelerator accelerator = Accelerator::kTcg;
    SshKey key;
    std::optional<Snapshot> snapshot; // what the machine's files stand on
    std::optional<Scratch> scratch;
    QemuFiles files;
    std::filesystem::path qemu_log;

    std::optional<Child> qemu; // none: the power is off
    std::optional<Qmp> qmp;
    std::optional<SshConnection> ssh;
    std::map<std::uint16_t, std::uint16_t> ports; // of the guest, to ours
    std::string boot_id;                          // of the boot last seen
    std::uint64_t serial_offset = 0;              // where the present boot's output starts
    std::map<std::string, unsigned> attached;     // a disk's serial, or "card:TAP", to hotplug port
    std::vector<FileServer> servers;

    // Checks the options and makes the scratch directory; the files of a disk come next.
    static Result<std::unique_ptr<State>> create(MachineOptions options);
    // Overlay, seed and variable store, in the scratch directory or in `directory`.
    Status make_files(const std::filesystem::path &directory);
    // The same from a snapshot: an overlay on its disk.
    Status make_files_from(Snapshot from);

    Status launch(bool restoring);
    Status load_memory();
    Status save_memory(const std::filesystem::path &file);
    Status cont();
    Status wait_ready();
    // Forgets all that belongs to a running QEMU, killing it if need be.
    void power_off();
    Status wait_for_end(std::chrono::milliseconds timeout);

    // The lowest hotplug port that has nothing. ENOTCONN, ENOSPC with `what` in front.
    Result<unsigned> free_port(const std::string &what) const;

    // An open connection, made anew when the guest has dropped it.
    Result<SshConnection *> connection();
    // What ssh's status 255 means: the command's own, or a guest that is gone.
    Status check_connected();
    std::uint64_t serial_size() const;
};

} // namespace ballast::vm
