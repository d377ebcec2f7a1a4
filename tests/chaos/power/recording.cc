// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/recording.h"

#include <format>

#include "base/file_io.h"
#include "tests/chaos/power/disk_states.h"
#include "tests/vm/image/guest.h"
#include "tests/vm/updater/bad_versions.h"
#include "tests/vm/updater/way_back.h"

namespace ballast::power {
namespace {

namespace fs = std::filesystem;
using vm::Machine;

constexpr const char *kMarkProgram = "/var/lib/test/mark"; // mark STEP: writes the step's name into the log

// libostree's last part is done when the machine shuts down: its unit tells when.
constexpr const char *kFinalizeUnit = "/etc/systemd/system/ostree-finalize-staged.service.d/90-mark.conf";

Status put(Machine &machine, const fs::path &scratch, const std::string &text, const fs::path &to, mode_t mode) {
    TRY(remove_tree(scratch));
    TRY(write_file(scratch, text, mode));
    return machine.copy_in(scratch, to);
}

Status prepare(Machine &machine, const fs::path &directory) {
    TRY(vm::wait_until_good(machine));
    for (const std::string &file : kKept) {
        (void)TRY(machine.run_checked("echo kept >" + file));
    }
    const fs::path scratch = directory / "scratch";
    TRY(put(machine, scratch,
            std::format("#!/bin/sh\nprintf '%s\\0' \"$1\" | dd of=/dev/vda bs={} seek={} conv=notrunc,sync,fsync "
                        "status=none\n",
                        kSectorSize, kMarkSector),
            kMarkProgram, 0755));
    TRY(put(machine, scratch,
            std::format("[Service]\nExecStop=\nExecStop={0} finalise\nExecStop=/usr/bin/ostree admin "
                        "finalize-staged\nExecStop={0} restart\n",
                        kMarkProgram),
            kFinalizeUnit, 0644));
    return machine.shutdown();
}

Status mark(Machine &machine, const std::string &step) {
    (void)TRY(machine.run_checked(std::string(kMarkProgram) + " " + step));
    return {};
}

Status update(Machine &machine, vm::Release &release) {
    TRY(vm::wait_until_good(machine));
    const std::string url = TRY(machine.serve(release.directory()));
    (void)TRY(machine.run_checked("echo '{\"urls\": [\"" + url + "\"]}' >/etc/ballast/updater.json"));
    const std::string commit = TRY(release.publish(kSecondVersion, vm::with_own_initramfs(release, "second")));
    TRY(mark(machine, "fetch"));
    (void)TRY(machine.run_checked(std::format("(until test -e /ostree/deploy/*/deploy/{}.0; do sleep 0.1; done; {} "
                                              "stage) >/dev/null 2>&1 & ballast upgrade",
                                              commit, kMarkProgram)));
    TRY(mark(machine, "wait"));
    (void)TRY(machine.run_checked("systemctl reboot --no-block"));
    TRY(machine.wait_for_next_boot());
    TRY(mark(machine, "run"));
    TRY(vm::wait_until_good(machine));
    TRY(mark(machine, "good"));
    (void)TRY(machine.run_checked(
        "systemctl start ballast-boot-loader.service; ballast status >/dev/null && ballast cleanup"));
    TRY(mark(machine, "clean"));
    TRY(machine.shutdown());
    return {};
}

} // namespace

Result<Recording> recorded_update(vm::Release &release, const fs::path &directory) {
    const Recording recording{
        .start = directory / "start.raw", .end = directory / "end.raw", .log = directory / "writes.log"};
    if (fs::exists(recording.end)) {
        return recording;
    }
    vm::MachineOptions options = vm::image_options();
    {
        Machine machine = TRY(Machine::from_snapshot(options));
        TRY(prepare(machine, directory).within("prepare"));
        TRY(machine.copy_disk(recording.start));
    }
    options.image = recording.start;
    options.write_log = recording.log;
    Machine machine = TRY(Machine::boot(options));
    TRY(update(machine, release).within("update"));
    TRY(machine.copy_disk(recording.end));
    return recording;
}

} // namespace ballast::power
