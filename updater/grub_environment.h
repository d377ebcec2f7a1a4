// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// GRUB's environment block (GRUB manual, "The GRUB environment block"): a signature line, NAME=VALUE lines in which a
// backslash protects a backslash or a line break, and '#' up to the end of the block.
namespace ballast::updater {

inline constexpr std::size_t kEnvironmentSize = 1024; // bytes, exactly, as GRUB's own tools make it

class GrubEnvironment {
  public:
    GrubEnvironment() = default; // no variables

    // Strict: EINVAL for another size, signature, a broken line, a repeated name, or anything but '#' after the last
    // one. A caller that can do without the content treats that as an empty environment.
    static Result<GrubEnvironment> parse(std::string_view block);

    std::optional<std::string> get(std::string_view name) const;
    // EINVAL unless `name` is letters, digits and underscores, no digit first, and `value` free of NUL.
    Status set(const std::string &name, const std::string &value);
    void remove(std::string_view name);

    // The block, kEnvironmentSize bytes; ENOSPC when the variables do not fit.
    Result<std::string> format() const;

    bool operator==(const GrubEnvironment &) const = default;

  private:
    std::map<std::string, std::string, std::less<>> variables_;
};

// ENOENT when missing, EINVAL when corrupt.
Result<GrubEnvironment> read_environment(const std::filesystem::path &file);

// Makes the block durable. In place when the file has the right size: GRUB's save_env writes to the blocks that it
// finds the file in, without replaying the journal, so a file that moves could be counted down in one place and read in
// another. The variables of the boot counter fit into the first sector, so a power cut leaves the old or the new ones.
// A missing file, or one of another size, is replaced by a fresh one.
Status write_environment(const std::filesystem::path &file, const GrubEnvironment &environment);

} // namespace ballast::updater
