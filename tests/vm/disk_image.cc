// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/disk_image.h"

#include <array>
#include <fcntl.h>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::vm {
namespace {

constexpr std::size_t kSizeOffset = 24; // of the virtual size in a qcow2 header, 8 bytes, big endian

} // namespace

Result<DiskImage> inspect_disk(const std::filesystem::path &image) {
    const Fd file = TRY(open_file(image, O_RDONLY));
    struct stat status{};
    std::array<unsigned char, kSizeOffset + 8> header{};
    if (fstat(file.get(), &status) != 0) {
        return fail_errno("stat " + image.string());
    }
    const ssize_t count = pread(file.get(), header.data(), header.size(), 0);
    if (count < 0) {
        return fail_errno("read " + image.string());
    }
    if (std::string_view(reinterpret_cast<const char *>(header.data()), 4) != "QFI\xfb") {
        return DiskImage{"raw", static_cast<std::uint64_t>(status.st_size)};
    }
    if (count != static_cast<ssize_t>(header.size())) {
        return fail(EINVAL, image.string() + ": cut off within its qcow2 header");
    }
    std::uint64_t size = 0;
    for (std::size_t i = kSizeOffset; i < header.size(); ++i) {
        size = size << 8 | header[i];
    }
    return DiskImage{"qcow2", size};
}

Status make_overlay(const std::filesystem::path &backing, const std::filesystem::path &overlay, std::uint64_t size) {
    const DiskImage below = TRY(inspect_disk(backing));
    if (size != 0 && size < below.size) {
        return fail(EINVAL, "a disk of " + std::to_string(size) + " bytes is smaller than " + backing.string() + " (" +
                                std::to_string(below.size) + " bytes)");
    }
    // The size is always given: without it qemu-img opens the backing disk to ask, and fails while another machine
    // writes to it.
    TRY(run_checked({.arguments = {"qemu-img", "create", "-q", "-f", "qcow2", "-F", below.format, "-b",
                                   std::filesystem::absolute(backing).string(), overlay.string(),
                                   std::to_string(size != 0 ? size : below.size)}})
            .within("make an overlay of " + backing.string()));
    return {};
}

} // namespace ballast::vm
