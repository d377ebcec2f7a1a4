// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/disk_space.h"

#include <array>
#include <cstdio>
#include <sys/statvfs.h>

namespace ballast::image {
namespace {

constexpr std::uint64_t kReserve = 32ULL << 20; // for containers' records and logs

} // namespace

Status check_disk_space(const std::filesystem::path &directory, std::uint64_t needed, const std::string &what) {
    struct statvfs status{};
    if (statvfs(directory.c_str(), &status) != 0) {
        return fail_errno("free space of " + directory.string());
    }
    const std::uint64_t free = static_cast<std::uint64_t>(status.f_bavail) * status.f_frsize;
    if (free >= kReserve && free - kReserve >= needed) {
        return {};
    }
    return fail(ENOSPC, "no space left on device: " + what + " needs at least " + size_text(needed) + ", " +
                            directory.string() + " has " + size_text(free > kReserve ? free - kReserve : 0) +
                            " to spare; `docker system prune` makes room");
}

Status explain_full_disk(Status status, const std::filesystem::path &directory) {
    constexpr std::string_view kAdvice = "docker system prune";
    if (!status.has_value() && (status.error().code == ENOSPC || status.error().code == EDQUOT) &&
        !status.error().message.contains(kAdvice)) { // else who failed knew more
        status.error().message += ": the disk of " + directory.string() + " is full; `docker system prune` makes room";
    }
    return status;
}

std::string size_text(std::uint64_t bytes) {
    constexpr std::array<const char *, 5> kUnits{"B", "kB", "MB", "GB", "TB"};
    double amount = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (amount >= 1000 && unit + 1 < kUnits.size()) {
        amount /= 1000;
        unit++;
    }
    std::array<char, 32> text{};
    (void)std::snprintf(text.data(), text.size(), unit == 0 ? "%.0f %s" : "%.1f %s", amount, kUnits[unit]);
    return text.data();
}

} // namespace ballast::image
