// SPDX-License-Identifier: Apache-2.0
// The same disk under the other two firmwares; BIOS is the first boot's. And an initramfs that finds no disk of ours.
#include "base/file_io.h"
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

Machine boot_by(Firmware firmware) {
    MachineOptions options = image_options();
    if (options.direct_kernel) {
        SKIP("the kernel is started without firmware");
    }
    options.firmware = firmware;
    Machine machine = must(Machine::boot(options));
    CHECK(said(machine, "systemctl is-active multi-user.target") == "active");
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    CHECK(must(machine.run("test -d /sys/firmware/efi")).status == 0);
    CHECK(said(machine, "grep ^good= /boot/grub2/grubenv").contains(build_record().commit));
    return machine;
}

} // namespace

TEST_CASE("the image boots by UEFI", "[vm]") {
    Machine machine = boot_by(Firmware::kUefi);
    CHECK(must(machine.run("dmesg | grep -i 'secure boot enabled'")).status != 0);
}

TEST_CASE("the image boots by Secure Boot, and the kernel locks itself down", "[vm]") {
    Machine machine = boot_by(Firmware::kSecureBoot);
    CHECK(said(machine, "dmesg").contains("Secure boot enabled"));
    CHECK(said(machine, "cat /sys/kernel/security/lockdown").contains("[integrity]"));
    CHECK(must(machine.run("head -c 1 /dev/mem")).status != 0);
}

TEST_CASE("a machine whose root file system is nowhere says so and restarts", "[vm]") {
    const TemporaryDirectory here = scratch();
    MachineOptions options = image_options();
    {
        Machine machine = booted();
        const std::string modules = "/usr/lib/modules/" + said(machine, "uname -r") + "/";
        must(machine.copy_out(modules + "vmlinuz", here.path() / "vmlinuz"));
        must(machine.copy_out(modules + "initramfs.img", here.path() / "initramfs.img"));
    }
    options.direct_kernel = DirectKernel{here.path() / "vmlinuz", here.path() / "initramfs.img",
                                         "root=LABEL=nowhere rd.timeout=1 console=ttyS0 quiet"};
    options.ready_timeout = std::chrono::seconds(45); // never ready; the restart comes ten seconds after the message
    const auto never = Machine::boot(options);
    REQUIRE_FALSE(never.has_value());
    const std::string log = must(read_file(options.log_directory / "serial.log"));
    CHECK(log.contains("no disk has the root file system, \"LABEL=nowhere\", after 1 s (rd.timeout=)"));
    CHECK(log.contains("Restarting in 10 seconds."));
    CHECK_FALSE(log.contains("panic"));
}
