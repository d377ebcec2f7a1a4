// SPDX-License-Identifier: Apache-2.0
// ballast-boot-entries -o SYSROOT/boot/loader.N/grub.cfg
// libostree calls it as `/usr/sbin/grub-mkconfig -o PATH`, or as $OSTREE_GRUB2_EXEC, once entries and boot links of the
// new deployments stand and before the link /boot/loader moves. A failure leaves the present system as it is.
#include <cstdio>
#include <string>
#include <string_view>

#include "base/log.h"
#include "updater/boot_sysroot.h"

int main(int argc, char **argv) {
    if (argc != 3 || std::string_view(argv[1]) != "-o") {
        (void)std::fputs("usage: ballast-boot-entries -o SYSROOT/boot/loader.N/grub.cfg\n", stderr);
        return 2;
    }
    if (const ballast::Status status = ballast::updater::write_boot_menu(argv[2]); !status.has_value()) {
        ballast::log::error("write the boot menu: " + status.error().message);
        return 1;
    }
    return 0;
}
