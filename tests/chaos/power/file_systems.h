// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"

// The file systems of a disk's file, as a machine that starts makes them.
namespace ballast::power {

inline constexpr std::size_t kBootPartition = 2, kRootPartition = 3; // image-build/disk.cc, counted from 0

// A partition of a disk's file as a device of its own: e2fsck forgets an offset when it opens a file system again.
class LoopDevice {
  public:
    static Result<LoopDevice> create(const std::filesystem::path &disk, std::size_t partition);
    LoopDevice(LoopDevice &&other) noexcept;
    LoopDevice &operator=(LoopDevice &&) = delete;
    ~LoopDevice(); // or once it is unmounted
    const std::string &device() const { return device_; }
    std::uint64_t offset() const { return offset_; } // on the disk, bytes

  private:
    LoopDevice(std::string device, std::uint64_t offset) : device_(std::move(device)), offset_(offset) {}
    std::string device_;
    std::uint64_t offset_;
};

// What a machine does to a file system when it starts: its journal is replayed. EUCLEAN, with what e2fsck says, when
// somebody would have to be asked.
Status check_file_system(const LoopDevice &device);

// Mounted read-only, until it is destroyed.
class Mounted {
  public:
    static Result<Mounted> read_only(const LoopDevice &device, const std::filesystem::path &directory);
    Mounted(Mounted &&other) noexcept;
    Mounted &operator=(Mounted &&) = delete;
    ~Mounted();

  private:
    explicit Mounted(std::filesystem::path directory) : directory_(std::move(directory)) {}
    std::filesystem::path directory_;
};

} // namespace ballast::power
