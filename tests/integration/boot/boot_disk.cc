// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/boot/boot_disk.h"

#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::boot_test {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSector = 512;
constexpr std::uint64_t kMebibyte = 1ULL << 20;
constexpr std::uint64_t kCoreOffset = 1 * kMebibyte;
constexpr std::uint64_t kEspOffset = 2 * kMebibyte;
constexpr std::uint64_t kEspSize = 16 * kMebibyte;
constexpr std::uint64_t kBootOffset = kEspOffset + kEspSize;
constexpr std::uint64_t kBootSize = 32 * kMebibyte;
constexpr std::uint64_t kDiskSize = kBootOffset + kBootSize + kMebibyte;

constexpr const char *kPartitions = R"(label: gpt
start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649
start=2MiB, size=16MiB, type=uefi
start=18MiB, size=32MiB, type=linux
)";

constexpr const char *kFindBoot = "search --no-floppy --label boot --set=root\n"
                                  "set prefix=($root)/test\n";

// What the fixed grub.cfg may use under BIOS, where the image carries no module files: the least that must be built in.
const std::vector<std::string> kBiosModules = {"biosdisk",   "part_gpt", "ext2",   "search", "search_label", "normal",
                                               "configfile", "loadenv",  "test",   "echo",   "linux",        "serial",
                                               "terminal",   "sleep",    "reboot", "minicmd"};

Status write_at(const fs::path &file, std::uint64_t offset, std::string_view bytes) {
    const Fd fd = TRY(open_file(file, O_WRONLY));
    if (::pwrite(fd.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)) !=
        static_cast<ssize_t>(bytes.size())) {
        return fail_errno("write " + file.string());
    }
    return {};
}

Result<std::string> read_at(const fs::path &file, std::uint64_t offset, std::size_t size) {
    const Fd fd = TRY(open_file(file, O_RDONLY));
    std::string bytes(size, '\0');
    if (::pread(fd.get(), bytes.data(), size, static_cast<off_t>(offset)) != static_cast<ssize_t>(size)) {
        return fail_errno("read " + file.string());
    }
    return bytes;
}

template <typename Integer>
void put(std::string &bytes, std::size_t offset, Integer value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

Status tool(std::vector<std::string> arguments, std::string input = {}) {
    Command command;
    command.arguments = std::move(arguments);
    command.input = std::move(input);
    command.timeout = std::chrono::seconds(60);
    (void)TRY(run_checked(command));
    return {};
}

// The offsets are those of GRUB's boot.S and diskboot.S.
Status install_bios(const fs::path &disk, const fs::path &scratch) {
    const fs::path configuration = scratch / "core.cfg";
    const fs::path core_file = scratch / "core.img";
    TRY(write_file(configuration, kFindBoot));
    std::vector<std::string> arguments = {"grub-mkimage", "-O",          "i386-pc", "-o",   core_file,
                                          "-c",           configuration, "-p",      "/test"};
    arguments.insert(arguments.end(), kBiosModules.begin(), kBiosModules.end());
    TRY(tool(std::move(arguments)));

    std::string core = TRY(read_file(core_file));
    core.resize((core.size() + kSector - 1) / kSector * kSector, '\0');
    const std::uint64_t core_sector = kCoreOffset / kSector;
    put<std::uint64_t>(core, 0x1f4, core_sector + 1);
    put<std::uint16_t>(core, 0x1fc, static_cast<std::uint16_t>(core.size() / kSector - 1));
    put<std::uint16_t>(core, 0x1fe, 0x820);
    TRY(write_at(disk, kCoreOffset, core));

    std::string boot = TRY(read_file("/usr/lib/grub/i386-pc/boot.img"));
    put<std::uint64_t>(boot, 0x5c, core_sector);
    put<std::uint16_t>(boot, 0x66, 0x9090); // trust the drive number that the BIOS gives
    return write_at(disk, 0, std::string_view(boot).substr(0, 440));
}

Status install_uefi(const fs::path &disk, const fs::path &scratch) {
    const fs::path configuration = scratch / "esp.cfg";
    TRY(write_file(configuration, std::string(kFindBoot) + "source ($root)/test/grub.cfg\n"));
    const std::string esp = disk.string() + "@@" + std::to_string(kEspOffset);
    TRY(tool({"mformat", "-i", esp, "-T", std::to_string(kEspSize / kSector), "-h", "16", "-s", "63", "::"}));
    TRY(tool({"mmd", "-i", esp, "::EFI", "::EFI/BOOT", "::EFI/debian"}));
    TRY(tool({"mcopy", "-i", esp, "/usr/lib/shim/shimx64.efi.signed", "::EFI/BOOT/BOOTX64.EFI"}));
    TRY(tool({"mcopy", "-i", esp, "/usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed", "::EFI/BOOT/grubx64.efi"}));
    return tool({"mcopy", "-i", esp, configuration, "::EFI/debian/grub.cfg"});
}

} // namespace

Result<BootDisk> BootDisk::make(const fs::path &scratch) {
    BootDisk disk(scratch);
    const Fd fd = TRY(open_file(disk.disk_, O_RDWR | O_CREAT | O_TRUNC, 0600));
    if (::ftruncate(fd.get(), kDiskSize) != 0) {
        return fail_errno("make " + disk.disk_.string());
    }
    TRY(tool({"sfdisk", "--quiet", disk.disk_}, kPartitions));
    TRY(install_bios(disk.disk_, scratch));
    TRY(install_uefi(disk.disk_, scratch));
    return disk;
}

Status BootDisk::install(const fs::path &tree) {
    const fs::path image = scratch_ / "boot.ext4";
    TRY(remove_tree(image));
    TRY(tool(
        {"mke2fs", "-q", "-F", "-t", "ext4", "-L", "boot", "-d", tree, image, std::to_string(kBootSize / 1024) + "k"}));
    const std::string bytes = TRY(read_file(image));
    return write_at(disk_, kBootOffset, bytes);
}

Result<std::uint64_t> BootDisk::block_offset() const {
    const std::string device = disk_.string() + "?offset=" + std::to_string(kBootOffset);
    Command command;
    command.arguments = {"debugfs", "-R", "stats -h", device};
    const std::string statistics = TRY(run_checked(command));
    constexpr std::string_view kBlockSize = "Block size:";
    const auto at = statistics.find(kBlockSize);
    command.arguments = {"debugfs", "-R", "blocks /grub2/grubenv", device};
    const std::string blocks = TRY(run_checked(command));
    if (at == std::string::npos || blocks.empty()) {
        return fail(EIO, "debugfs does not say where /grub2/grubenv stands");
    }
    return kBootOffset + std::stoull(blocks) * std::stoull(statistics.substr(at + kBlockSize.size()));
}

Result<std::string> BootDisk::read_block() const {
    const std::uint64_t offset = TRY(block_offset());
    return read_at(disk_, offset, updater::kEnvironmentSize);
}

Status BootDisk::write_block(const std::string &block) {
    const std::uint64_t offset = TRY(block_offset());
    return write_at(disk_, offset, block);
}

Result<updater::GrubEnvironment> BootDisk::environment() const {
    const std::string block = TRY(read_block());
    return updater::GrubEnvironment::parse(block);
}

} // namespace ballast::boot_test
