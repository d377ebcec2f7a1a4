// SPDX-License-Identifier: Apache-2.0
#include "updater/space.h"

#include <array>
#include <fcntl.h>
#include <format>
#include <sys/statvfs.h>
#include <unistd.h>
#include <utility>

#include "base/file_io.h"

namespace ballast::updater {

Result<Room> room_at(const std::filesystem::path &directory) {
    (void)TRY(open_file(directory, O_RDONLY | O_DIRECTORY)); // triggers an automount, which statvfs(3) does not
    struct statvfs status{};
    if (::statvfs(directory.c_str(), &status) != 0) {
        return fail_errno("look for room on " + directory.string());
    }
    return Room{.bytes = status.f_bavail * status.f_frsize, .files = status.f_favail};
}

Status check_room(const std::string &name, const Room &needed, const Room &room) {
    if (needed.bytes > room.bytes) {
        return fail(ENOSPC, name + ": the update needs " + size_text(needed.bytes) + " and " + size_text(room.bytes) +
                                " are free");
    }
    if (needed.files > room.files) {
        return fail(ENOSPC, name + ": the update needs " + std::to_string(needed.files) + " inodes and " +
                                std::to_string(room.files) + " are free");
    }
    return {};
}

Result<Reservation> Reservation::make(const std::filesystem::path &path, std::uint64_t bytes) {
    (void)::unlink(path.c_str()); // of an attempt that was killed
    Fd fd = TRY(open_file(path, O_RDWR | O_CREAT | O_EXCL, 0600));
    Reservation reservation(path, std::move(fd), bytes);
    if (bytes > 0 && ::fallocate(reservation.fd_.get(), 0, 0, static_cast<off_t>(bytes)) != 0) {
        return fail_errno("reserve " + size_text(bytes) + " for the update at " + path.string());
    }
    return reservation;
}

Reservation::Reservation(Reservation &&other) noexcept
    : path_(std::exchange(other.path_, {})), fd_(std::move(other.fd_)), bytes_(other.bytes_) {}

Reservation::~Reservation() {
    if (!path_.empty()) {
        (void)::unlink(path_.c_str()); // what stays is removed by the next one
    }
}

void Reservation::shrink_to(std::uint64_t bytes) {
    if (bytes < bytes_ && ::ftruncate(fd_.get(), static_cast<off_t>(bytes)) == 0) {
        bytes_ = bytes;
    }
}

std::string size_text(std::uint64_t bytes) {
    static constexpr std::array kUnits = {"B", "KiB", "MiB", "GiB", "TiB"};
    constexpr double kStep = 1024;
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    while (value >= kStep && unit + 1 < kUnits.size()) {
        value /= kStep;
        unit++;
    }
    return unit == 0 || value >= 100 ? std::format("{:.0f} {}", value, kUnits[unit])
                                     : std::format("{:.1f} {}", value, kUnits[unit]);
}

} // namespace ballast::updater
