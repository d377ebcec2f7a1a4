// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/file_systems.h"

#include <cerrno>
#include <cstdint>
#include <format>
#include <nlohmann/json.hpp>
#include <sys/mount.h>
#include <utility>

#include "base/file_io.h"
#include "base/subprocess.h"

namespace ballast::power {
namespace {

namespace fs = std::filesystem;

struct Partition {
    std::uint64_t offset = 0, size = 0; // bytes
};

Result<Partition> partition_of(const fs::path &disk, std::size_t number) {
    const std::string said = TRY(run_checked({.arguments = {"sfdisk", "--json", disk.string()}}));
    const nlohmann::json table = nlohmann::json::parse(said, nullptr, false);
    const auto place = nlohmann::json::json_pointer("/partitiontable/partitions/" + std::to_string(number));
    if (table.is_discarded() || !table.contains(place)) {
        return fail(EINVAL, disk.string() + std::format(" has no partition {}", number + 1));
    }
    const std::uint64_t sector = 512;
    return Partition{table[place].at("start").get<std::uint64_t>() * sector,
                     table[place].at("size").get<std::uint64_t>() * sector};
}

} // namespace

Result<LoopDevice> LoopDevice::create(const fs::path &disk, std::size_t partition) {
    const Partition place = TRY(partition_of(disk, partition));
    std::string device =
        TRY(run_checked({.arguments = {"losetup", "--find", "--show", "--offset", std::to_string(place.offset),
                                       "--sizelimit", std::to_string(place.size), disk.string()}}));
    device.resize(device.find('\n'));
    return LoopDevice(std::move(device), place.offset);
}

LoopDevice::LoopDevice(LoopDevice &&other) noexcept
    : device_(std::exchange(other.device_, "")), offset_(other.offset_) {}

LoopDevice::~LoopDevice() {
    if (!device_.empty()) {
        (void)run({.arguments = {"losetup", "--detach", device_}});
    }
}

Status check_file_system(const LoopDevice &device) {
    const Completed done = TRY(run({.arguments = {"e2fsck", "-f", "-p", device.device()}}));
    constexpr int kCorrected = 1;
    return done.status <= kCorrected ? Status() : fail(EUCLEAN, "e2fsck: " + done.output + done.errors);
}

Result<Mounted> Mounted::read_only(const LoopDevice &device, const fs::path &directory) {
    TRY(make_directories(directory));
    (void)TRY(run_checked({.arguments = {"mount", "-t", "ext4", "-o", "ro", device.device(), directory.string()}}));
    return Mounted(directory);
}

Mounted::Mounted(Mounted &&other) noexcept : directory_(std::exchange(other.directory_, fs::path())) {}

Mounted::~Mounted() {
    if (!directory_.empty()) {
        (void)::umount2(directory_.c_str(), 0);
    }
}

} // namespace ballast::power
