// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/result.h"

// Room for an update, made sure of before its first byte is fetched.
namespace ballast::updater {

struct Room {
    std::uint64_t bytes = 0, files = 0; // free for root's processes; files are inodes
};
Result<Room> room_at(const std::filesystem::path &directory);

// ENOSPC "NAME: the update needs 120 MiB and 80 MiB are free" when `room` is not enough.
Status check_room(const std::string &name, const Room &needed, const Room &room);

// Blocks that nobody else can take. Given back piece by piece as the update takes them, and whole on destruction.
class Reservation {
  public:
    // A file at `path`, which is replaced; a power cut leaves it, and the next reservation takes it away. ENOSPC.
    static Result<Reservation> make(const std::filesystem::path &path, std::uint64_t bytes);
    Reservation(Reservation &&other) noexcept;
    Reservation &operator=(Reservation &&) = delete;
    ~Reservation();

    // Keeps at most `bytes`; more than it has changes nothing.
    void shrink_to(std::uint64_t bytes);

  private:
    Reservation(std::filesystem::path path, Fd fd, std::uint64_t bytes)
        : path_(std::move(path)), fd_(std::move(fd)), bytes_(bytes) {}
    std::filesystem::path path_;
    Fd fd_;
    std::uint64_t bytes_;
};

// "120 MiB"
std::string size_text(std::uint64_t bytes);

} // namespace ballast::updater
