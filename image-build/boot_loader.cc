// SPDX-License-Identifier: Apache-2.0
#include "image-build/boot_loader.h"

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

// What GRUB needs before it can read its configuration, and every command that grub.cfg uses.
constexpr const char *kModules[] = {"biosdisk", "part_gpt", "ext2",  "search", "search_label", "normal",   "configfile",
                                    "linux",    "loadenv",  "test",  "echo",   "serial",       "terminal", "minicmd",
                                    "reboot",   "halt",     "sleep", "true",   "regexp",       "gzio",     "keystatus"};

struct SignedFile {
    const char *in_package;
    const char *name;
};
constexpr SignedFile kSignedFiles[] = {
    {"usr/lib/shim/shimx64.efi.signed", "shimx64.efi"},
    {"usr/lib/shim/mmx64.efi.signed", "mmx64.efi"},
    {"usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "grubx64.efi"},
};

// The signed GRUB looks for its configuration on the ESP; the BIOS core brings the same along.
constexpr std::string_view kGrubConfiguration =
    "search --no-floppy --label boot --set=root\nset prefix=($root)/grub2\nsource ($root)/grub2/grub.cfg\n";

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

    const fs::path configuration = output / "core.cfg";
    TRY(write_file(configuration, kGrubConfiguration));
    Command command{.arguments = {"grub-mkimage", "--format=i386-pc", "--directory=" + modules.string(),
                                  "--prefix=/grub2", "--config=" + configuration.string(),
                                  "--output=" + (output / "core.img").string()},
                    .log = log};
    command.arguments.insert(command.arguments.end(), std::begin(kModules), std::end(kModules));
    (void)TRY(run_checked(command));
    return {};
}

} // namespace ballast::image_build
