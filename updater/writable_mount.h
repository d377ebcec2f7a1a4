// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

namespace ballast::updater {

// A mounted file system, writable for as long as this lives. When it is mounted read-only, the process first takes a
// mount namespace of its own, so that everybody else keeps seeing it read-only. Needs CAP_SYS_ADMIN in that case.
class WritableMount {
  public:
    // `directory` is on the file system; an automount is triggered. EPERM without the capability, EROFS when the device
    // itself does not take writes.
    static Result<WritableMount> acquire(const std::filesystem::path &directory);

    WritableMount(WritableMount &&other) noexcept;
    WritableMount &operator=(WritableMount &&other) = delete;
    WritableMount(const WritableMount &) = delete;
    WritableMount &operator=(const WritableMount &) = delete;
    ~WritableMount();

  private:
    explicit WritableMount(std::filesystem::path restore) : restore_(std::move(restore)) {}
    std::filesystem::path restore_; // mount point to make read-only again; empty: none
};

} // namespace ballast::updater
