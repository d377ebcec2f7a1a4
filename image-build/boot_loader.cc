// SPDX-License-Identifier: Apache-2.0
#include "image-build/boot_loader.h"

#include <format>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSector = 512;
constexpr std::size_t kBootCodeSize = 440;    // bytes before the disk signature and the partition table
constexpr std::size_t kKernelSectorAt = 0x5c; // boot.img: where the core begins
constexpr std::size_t kDriveCheckAt = 0x66;   // boot.img: a jump that a hard disk must not take
constexpr std::size_t kBlockListAt = 0x1f4;   // core.img: the one entry of diskboot's block list
constexpr std::uint16_t kCoreSegment = 0x820; // where diskboot loads the rest of the core

// What GRUB needs before it can read its configuration, and every command that grub.cfg uses.
constexpr const char *kModules[] = {"biosdisk", "part_gpt", "ext2",  "search", "search_label", "normal",   "configfile",
                                    "linux",    "loadenv",  "test",  "echo",   "serial",       "terminal", "minicmd",
                                    "reboot",   "halt",     "sleep", "true",   "regexp",       "gzio",     "keystatus"};

constexpr std::size_t kMostSectors = 0xffff; // the block list counts them in 16 bits

struct SignedFile {
    const char *in_package;
    const char *name;
};
constexpr SignedFile kSignedFiles[] = {
    {"usr/lib/shim/shimx64.efi.signed", "shimx64.efi"},
    {"usr/lib/shim/mmx64.efi.signed", "mmx64.efi"},
    {"usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "grubx64.efi"},
};

void put_little_endian(std::string &bytes, std::size_t at, std::uint64_t value, std::size_t width) {
    for (std::size_t i = 0; i < width; ++i) {
        bytes[at + i] = static_cast<char>(value >> (8 * i) & 0xff);
    }
}

} // namespace

Status make_boot_files(const PackageSet &set, const PackageSource &source, const fs::path &scratch,
                       const fs::path &output, const fs::path &log) {
    const fs::path unpacked = scratch / "boot-packages";
    TRY(make_directories(unpacked));
    TRY(make_directories(output));
    for (const Package &package : set.packages) {
        if (package.boot_only) {
            (void)TRY(run_checked(
                {.arguments = {"dpkg-deb", "--extract", source.file_of(package).string(), unpacked.string()},
                 .log = log}));
        }
    }
    for (const SignedFile &file : kSignedFiles) {
        std::string content = TRY(
            read_file(unpacked / file.in_package).within("os/manifest.yaml: boot_packages lack a signed boot loader"));
        TRY(write_file(output / file.name, content));
    }
    const fs::path modules = unpacked / "usr/lib/grub/i386-pc";
    std::string boot_image =
        TRY(read_file(modules / "boot.img").within("os/manifest.yaml: boot_packages lack grub-pc-bin"));
    TRY(write_file(output / "boot.img", boot_image));

    const fs::path configuration = scratch / "core.cfg";
    TRY(write_file(configuration, "search --no-floppy --label boot --set=root\nset prefix=($root)/grub2\n"
                                  "source ($root)/grub2/grub.cfg\n"));
    Command command{.arguments = {"grub-mkimage", "--format=i386-pc", "--directory=" + modules.string(),
                                  "--prefix=/grub2", "--config=" + configuration.string(),
                                  "--output=" + (output / "core.img").string()},
                    .log = log};
    command.arguments.insert(command.arguments.end(), std::begin(kModules), std::end(kModules));
    (void)TRY(run_checked(command));
    return {};
}

Result<BiosStages> place_bios_stages(std::string boot_image, std::string core_image, std::uint64_t core_sector) {
    if (boot_image.size() != kSector || core_image.size() < 2 * kSector) {
        return fail(EINVAL, std::format("boot.img of {} and core.img of {} bytes are not GRUB's for BIOS",
                                        boot_image.size(), core_image.size()));
    }
    const std::size_t sectors = (core_image.size() + kSector - 1) / kSector;
    if (sectors - 1 > kMostSectors) {
        return fail(EINVAL,
                    std::format("core.img of {} bytes is more than its block list can name", core_image.size()));
    }
    core_image.resize(sectors * kSector, '\0');
    put_little_endian(boot_image, kKernelSectorAt, core_sector, 8);
    boot_image.replace(kDriveCheckAt, 2, "\x90\x90"); // a hard disk: do not second-guess the BIOS drive number
    put_little_endian(core_image, kBlockListAt, core_sector + 1, 8);
    put_little_endian(core_image, kBlockListAt + 8, sectors - 1, 2);
    put_little_endian(core_image, kBlockListAt + 10, kCoreSegment, 2);
    return BiosStages{boot_image.substr(0, kBootCodeSize), std::move(core_image)};
}

} // namespace ballast::image_build
