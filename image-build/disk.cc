// SPDX-License-Identifier: Apache-2.0
#include "image-build/disk.h"

#include <fcntl.h>
#include <format>
#include <unistd.h>

#include "base/bios_stages.h"
#include "base/digest.h"
#include "base/file_io.h"
#include "base/subprocess.h"
#include "image-build/boot_loader.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMib = 1ULL << 20;
constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kBiosMib = 1;

// Partition types of the UEFI and Discoverable Partitions specifications.
constexpr const char *kBiosBootType = "21686148-6449-6E6F-744E-656564454649";
constexpr const char *kEspType = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";
constexpr const char *kExtendedBootType = "BC13C2FF-59E6-4262-A352-B275FD6F7172";
constexpr const char *kRootType = "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709";

// GRUB reads /boot: nothing that its ext2 driver does not know.
constexpr const char *kBootFeatures = "^metadata_csum_seed,^orphan_file";

std::string uuid_for(const std::string &identity, const std::string &purpose) {
    std::string hex = sha256(identity + " " + purpose).substr(0, 32);
    hex[12] = '8'; // version 8, RFC 9562: made by the vendor's own rule
    hex[16] = "89ab"[(hex[16] >= 'a' ? hex[16] - 'a' + 10 : hex[16] - '0') & 3];
    return std::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4), hex.substr(16, 4),
                       hex.substr(20));
}

struct Layout {
    std::uint64_t bios_at, esp_at, boot_at, root_at, end; // MiB
};

Layout layout_of(const Manifest &manifest) {
    Layout layout{};
    layout.bios_at = 1;
    layout.esp_at = layout.bios_at + kBiosMib;
    layout.boot_at = layout.esp_at + static_cast<std::uint64_t>(manifest.esp_mib);
    layout.root_at = layout.boot_at + static_cast<std::uint64_t>(manifest.boot_mib);
    layout.end = layout.root_at + static_cast<std::uint64_t>(manifest.root_mib);
    return layout;
}

Status make_ext4(const DiskInputs &inputs, const fs::path &directory, const std::string &label, long long mib,
                 const char *features, const fs::path &output, const fs::path &log) {
    const std::string uuid = uuid_for(inputs.identity, label);
    Command command{.arguments = {"mke2fs", "-q", "-F", "-t", "ext4", "-L", label, "-U", uuid, "-m", "1", "-O",
                                  features, "-E",
                                  "hash_seed=" + uuid + ",root_owner=0:0,lazy_itable_init=0,assume_storage_prezeroed=1",
                                  "-d", directory.string(), output.string(), std::format("{}M", mib)},
                    .environment = {{"SOURCE_DATE_EPOCH", std::to_string(inputs.epoch)}},
                    .log = log};
    Result<std::string> made = run_checked(command);
    if (!made.has_value() && TRY(read_file(log)).find("Could not allocate block") != std::string::npos) {
        return fail(
            ENOSPC,
            std::format("the {} partition of {} MiB is too small for its content: raise {}_mib in os/manifest.yaml",
                        label, mib, label));
    }
    (void)TRY(std::move(made));
    return {};
}

Status make_esp(const DiskInputs &inputs, const fs::path &output, const fs::path &log) {
    const std::string volume_id = sha256(inputs.identity + " esp").substr(0, 8);
    const std::map<std::string, std::string> environment{{"SOURCE_DATE_EPOCH", std::to_string(inputs.epoch)},
                                                         {"TZ", "UTC"}};
    const std::string image = output.string();
    const auto checked = [&](std::vector<std::string> arguments) -> Status {
        (void)TRY(run_checked({.arguments = std::move(arguments), .environment = environment, .log = log}));
        return {};
    };
    TRY(checked({"mkfs.fat", "--invariant", "-F", "32", "-n", "ESP", "-i", volume_id, "-C", image,
                 std::to_string(inputs.manifest->esp_mib * 1024)}));
    TRY(checked({"mmd", "-i", image, "::EFI", "::EFI/BOOT", "::EFI/debian"}));
    const auto copy = [&](const fs::path &from, const std::string &to) {
        return checked({"mcopy", "-i", image, from.string(), "::" + to});
    };
    TRY(copy(inputs.boot_files / "shimx64.efi", "EFI/BOOT/BOOTX64.EFI"));
    TRY(copy(inputs.boot_files / "grubx64.efi", "EFI/BOOT/grubx64.efi"));
    TRY(copy(inputs.boot_files / "mmx64.efi", "EFI/BOOT/mmx64.efi"));
    return copy(inputs.boot_files / "core.cfg", "EFI/debian/grub.cfg");
}

// mke2fs -d drops the flag that libostree sets on a deployment's root directory.
Status set_immutable(const fs::path &image, const std::string &directory, const fs::path &log) {
    constexpr unsigned kExtents = 0x80000, kImmutable = 0x10; // EXT4_EXTENTS_FL, EXT4_IMMUTABLE_FL
    (void)TRY(
        run_checked({.arguments = {"debugfs", "-w", "-R",
                                   std::format("set_inode_field /{} flags {:#x}", directory, kExtents | kImmutable),
                                   image.string()},
                     .log = log}));
    return {};
}

Status write_partition_table(const DiskInputs &inputs, const Layout &layout, const fs::path &output) {
    const auto line = [&](std::uint64_t at, std::uint64_t end, const char *type, const char *name) {
        return std::format("start={}, size={}, type={}, uuid={}, name={}\n", at * kMib / kSector,
                           (end - at) * kMib / kSector, type,
                           uuid_for(inputs.identity, std::string("partition ") + name), name);
    };
    std::string script = std::format("label: gpt\nlabel-id: {}\nfirst-lba: 2048\n", uuid_for(inputs.identity, "disk"));
    script += line(layout.bios_at, layout.esp_at, kBiosBootType, "bios");
    script += line(layout.esp_at, layout.boot_at, kEspType, "esp");
    script += line(layout.boot_at, layout.root_at, kExtendedBootType, "boot");
    script += line(layout.root_at, layout.end, kRootType, "root");
    (void)TRY(run_checked(
        {.arguments = {"sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", output.string()}, .input = script}));
    return {};
}

// Copies `from` to `offset` of `disk`, holes staying holes.
Status splice(const fs::path &from, BorrowedFd disk, std::uint64_t offset) {
    const Fd source = TRY(open_file(from, O_RDONLY));
    for (off_t data = 0; (data = ::lseek(source.get(), data, SEEK_DATA)) >= 0;) {
        const off_t hole = ::lseek(source.get(), data, SEEK_HOLE);
        if (hole < 0) {
            return fail_errno("seek in " + from.string());
        }
        while (data < hole) {
            off_t in = data, out = static_cast<off_t>(offset) + data;
            const ssize_t copied =
                ::copy_file_range(source.get(), &in, disk.get(), &out, static_cast<std::size_t>(hole - data), 0);
            if (copied <= 0) {
                return fail_errno("copy " + from.string() + " into the disk image");
            }
            data += copied;
        }
    }
    return errno == ENXIO ? Status{} : fail_errno("seek in " + from.string()); // ENXIO: no data behind here
}

Status write_at(BorrowedFd disk, std::string_view bytes, std::uint64_t offset) {
    if (::pwrite(disk.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(bytes.size())) {
        return fail_errno("write the boot sector");
    }
    return {};
}

// What GRUB and libostree find on /boot besides the entries: the fixed configuration and an empty environment block.
Status complete_boot(const DiskInputs &inputs, const fs::path &boot) {
    constexpr std::size_t kEnvironmentSize = 1024; // GRUB's, exactly
    std::string environment = "# GRUB Environment Block\n";
    environment.resize(kEnvironmentSize, '#');
    TRY(make_directories(boot / "grub2"));
    TRY(write_file(boot / "grub2/grub.cfg",
                   TRY(read_file(inputs.sysroot / inputs.deployment / "usr/lib/ballast/boot/grub.cfg"))));
    return write_file(boot / "grub2/grubenv", environment, 0600);
}

} // namespace

Status make_disk(const DiskInputs &inputs, const fs::path &output, const fs::path &log) {
    const Layout layout = layout_of(*inputs.manifest);
    // The root partition keeps an empty boot/ as mount point.
    const fs::path boot = inputs.scratch / "boot";
    std::error_code error;
    fs::rename(inputs.sysroot / "boot", boot, error);
    if (error) {
        return fail(error.value(), "move " + (inputs.sysroot / "boot").string() + ": " + error.message());
    }
    TRY(make_directories(inputs.sysroot / "boot"));
    TRY(complete_boot(inputs, boot));

    const fs::path esp_image = inputs.scratch / "esp.img", boot_image = inputs.scratch / "boot.ext4",
                   root_image = inputs.scratch / "root.ext4";
    TRY(make_esp(inputs, esp_image, log).within("ESP"));
    TRY(make_ext4(inputs, boot, "boot", inputs.manifest->boot_mib, kBootFeatures, boot_image, log));
    TRY(make_ext4(inputs, inputs.sysroot, "root", inputs.manifest->root_mib, "verity", root_image, log));
    TRY(set_immutable(root_image, inputs.deployment, log));

    const Fd disk = TRY(open_file(output, O_RDWR | O_CREAT | O_TRUNC, 0644));
    if (::ftruncate(disk.get(), static_cast<off_t>((layout.end + 1) * kMib)) != 0) { // the last MiB: the backup table
        return fail_errno("size " + output.string());
    }
    TRY(write_partition_table(inputs, layout, output));
    const std::uint64_t core_sector = layout.bios_at * kMib / kSector;
    const BiosStages stages = TRY(place_bios_stages(TRY(read_file(inputs.boot_files / "boot.img")),
                                                    TRY(read_file(inputs.boot_files / "core.img")), core_sector));
    if (stages.core.size() > kBiosMib * kMib) {
        return fail(ENOSPC, "GRUB's core image does not fit into the BIOS-boot partition");
    }
    TRY(write_at(disk, stages.boot_sector, 0));
    TRY(write_at(disk, stages.core, core_sector * kSector));
    TRY(splice(esp_image, disk, layout.esp_at * kMib));
    TRY(splice(boot_image, disk, layout.boot_at * kMib));
    return splice(root_image, disk, layout.root_at * kMib);
}

} // namespace ballast::image_build
