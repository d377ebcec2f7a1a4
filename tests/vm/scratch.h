// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::vm {

// A machine's own directory (overlay, sockets), removed on destruction. It is held by a lock, so what a killed process
// left behind is recognised and swept by the next one.
class Scratch {
  public:
    // Makes PARENT/machine-XXXXXX (0700), after sweeping abandoned ones.
    static Result<Scratch> create(const std::filesystem::path &parent);
    Scratch(Scratch &&other) noexcept = default;
    Scratch &operator=(Scratch &&) = delete;
    Scratch(const Scratch &) = delete;
    Scratch &operator=(const Scratch &) = delete;
    ~Scratch();
    const std::filesystem::path &path() const { return path_; }

    // Removes the directories under `parent` whose owner is gone. Errors are ignored: it tidies for others.
    static void sweep(const std::filesystem::path &parent);

  private:
    Scratch(std::filesystem::path path, Fd lock) : path_(std::move(path)), lock_(std::move(lock)) {}
    std::filesystem::path path_;
    Fd lock_; // closed by a move, so a moved-from Scratch removes nothing
};

} // namespace ballast::vm
