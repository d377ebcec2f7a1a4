// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "base/fd.h"
#include "base/result.h"

// Saved machines on disk:
//
//     STATE/snapshots/KEY.lock       flock: shared by those who use KEY, exclusive to make or remove it
//     STATE/snapshots/KEY/           complete, never changed
//         disk.qcow2                 overlay on the image, as it was when the machine was stopped
//         memory                     memory and devices (QEMU migration, mapped-ram)
//         seed.iso, variables.fd     if the machine has them
//         image.json                 identity of the image underneath
//     STATE/snapshots/KEY.partial/   being made; whatever stands there without the lock held is rubbish
namespace ballast::vm {

// A snapshot that stays as long as this lives.
class Snapshot {
  public:
    // Finds KEY or has it made: `make` fills the directory it is given, which then gets its name by one rename. Of
    // several processes that ask at once one makes it and the others wait.
    static Result<Snapshot> open_or_make(const std::filesystem::path &state_directory, const std::string &key,
                                         const std::function<Status(const std::filesystem::path &)> &make);

    const std::filesystem::path &path() const { return path_; }

    // The files of a snapshot.
    std::filesystem::path disk() const { return path_ / "disk.qcow2"; }
    std::filesystem::path memory() const { return path_ / "memory"; }
    std::filesystem::path seed() const { return path_ / "seed.iso"; }
    std::filesystem::path variables() const { return path_ / "variables.fd"; }
    static constexpr const char *kImageFile = "image.json";

  private:
    Snapshot(std::filesystem::path path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
    std::filesystem::path path_;
    Fd lock_;
};

// Removes the snapshots that nobody uses and whose image is gone or changed. Errors are ignored: it only makes room.
void remove_stale_snapshots(const std::filesystem::path &state_directory);

} // namespace ballast::vm
