// SPDX-License-Identifier: Apache-2.0
// ballast-boot-loader: puts the boot loader of the running deployment on the disk, for both firmwares, when it is
// another one. Run by ballast-boot-loader.service, once that deployment is good.
#include <cstdio>
#include <fcntl.h>
#include <format>
#include <sys/mount.h>

#include "base/file_io.h"
#include "base/log.h"
#include "updater/boot_loader/disk.h"
#include "updater/boot_loader/esp.h"
#include "updater/boot_loader/renewal.h"
#include "updater/health/boot_facts.h"

namespace ballast::updater::boot_loader {
namespace {

namespace fs = std::filesystem;

constexpr const char *kBoot = "/boot/grub2";                    // on the disk whose boot loader is ours
constexpr const char *kMountPoint = "/run/ballast-boot-loader"; // in the unit's own mount namespace

Result<bool> renew_bios(const Disk &disk) {
    if (!disk.bios) {
        return false;
    }
    const fs::path files = kFiles;
    const Fd device = TRY(open_file(disk.device, O_RDWR));
    return update_bios(device, *disk.bios, TRY(read_file(files / "boot.img")), TRY(read_file(files / "core.img")));
}

Result<bool> renew_esp(const Disk &disk) {
    if (disk.esp.empty()) {
        return false;
    }
    TRY(make_directories(kMountPoint, 0700));
    if (::mount(disk.esp.c_str(), kMountPoint, "vfat", MS_NOSUID | MS_NODEV | MS_NOEXEC, "umask=0077") != 0) {
        return fail_errno(std::format("mount {} (is it mounted elsewhere?)", disk.esp));
    }
    Result<bool> renewed = update_esp(kFiles, kMountPoint);
    if (::umount(kMountPoint) != 0 && renewed.has_value()) {
        return fail_errno("unmount " + disk.esp);
    }
    return renewed;
}

void tell(bool renewed, const char *firmware, const std::string &place) {
    if (renewed) {
        log::notice(std::format("The boot loader for {} on {} is renewed", firmware, place));
    }
}

// One that fails must not keep the other from being renewed: a machine uses one of them.
Status run() {
    const health::BootFacts boot = TRY(health::look_at_boot("/"));
    const Renewed running{.deployment = boot.deployment, .built = boot.built};
    if (boot.deployment.empty() || boot.on_trial || !is_due(load_renewed(kRecord), running)) {
        log::info("The boot loader of this deployment was looked at, or an older one must not replace it");
        return {};
    }
    const Disk disk = TRY(disk_of(kBoot));
    const Result<bool> bios = renew_bios(disk).within("BIOS");
    const Result<bool> esp = renew_esp(disk).within("UEFI");
    tell(bios.value_or(false), "BIOS", disk.device);
    tell(esp.value_or(false), "UEFI", disk.esp);
    if (!bios.has_value() && !esp.has_value()) {
        return fail(bios.error().code, bios.error().message + "; " + esp.error().message);
    }
    TRY(bios.has_value() ? Status() : Status(std::unexpected(bios.error())));
    TRY(esp.has_value() ? Status() : Status(std::unexpected(esp.error())));
    return save_renewed(kRecord, running);
}

} // namespace
} // namespace ballast::updater::boot_loader

int main(int argc, char **) {
    if (argc != 1) {
        (void)std::fputs("usage: ballast-boot-loader\n", stderr);
        return 2;
    }
    if (const ballast::Status status = ballast::updater::boot_loader::run(); !status.has_value()) {
        ballast::log::error("renew the boot loader: " + status.error().message);
        return 1;
    }
    return 0;
}
