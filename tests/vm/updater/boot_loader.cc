// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/updater/boot_loader.h"

#include "tests/vm/image/guest.h"

namespace ballast::vm {
namespace {

constexpr const char *kFiles = "/usr/lib/ballast/boot/";

// In sectors, of the core that the boot sector names.
std::string core_place(Machine &machine) { return said(machine, "od -A n -t u8 -j 92 -N 8 /dev/vda | tr -d ' '"); }

void must_be_the_images(Machine &machine) {
    must(machine.run_checked("mkdir -p /run/esp && mount -o ro LABEL=ESP /run/esp"));
    for (const auto &[place, file] :
         {std::pair("EFI/BOOT/BOOTX64.EFI", "shimx64.efi"), std::pair("EFI/BOOT/grubx64.efi", "grubx64.efi"),
          std::pair("EFI/BOOT/mmx64.efi", "mmx64.efi"), std::pair("EFI/debian/grub.cfg", "core.cfg")}) {
        must(machine.run_checked(std::string("cmp /run/esp/") + place + " " + kFiles + file));
    }
    CHECK(said(machine, "find /run/esp -type f | wc -l") == "4");
    must(machine.run_checked("umount /run/esp"));
}

void make_old(Machine &machine) {
    must(machine.run_checked("mkdir -p /run/esp && mount LABEL=ESP /run/esp && cd /run/esp/EFI && "
                             "for file in BOOT/*.* debian/grub.cfg; do echo old >>$file; done && cd / && "
                             "umount /run/esp"));
    must(machine.run_checked("printf old | dd of=/dev/disk/by-partlabel/bios bs=1 seek=2000 conv=notrunc,fsync "
                             "status=none && rm /var/lib/ballast-updater/boot-loader.json"));
}

} // namespace

void renew_boot_loader(Machine &machine) {
    must(machine.run_checked("until systemctl is-active --quiet ballast-boot-loader.service; do sleep 1; done"));
    must_be_the_images(machine);
    const std::string before = core_place(machine);
    check_says_nothing(machine, "journalctl -q -b -u ballast-boot-loader.service -g renewed || true");

    make_old(machine);
    must(machine.run_checked("systemctl restart ballast-boot-loader.service"));
    CHECK(said(machine, "journalctl -q -b -u ballast-boot-loader.service -g 'is renewed' | wc -l") == "2");
    must_be_the_images(machine);
    CHECK(core_place(machine) != before);

    must(machine.reboot());
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    must(machine.run_checked("systemctl is-active --quiet ballast-boot-loader.service"));
    check_says_nothing(machine, "journalctl -q -b -u ballast-boot-loader.service -g 'is renewed' || true");
}

} // namespace ballast::vm
