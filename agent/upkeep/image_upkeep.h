// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <stop_token>
#include <string>

#include "agent/upkeep/image_garbage.h"
#include "agent/worker/world.h"

namespace ballast::agent {

// Removes images that nobody uses: those that nobody has used for too long, and, where their file system is too full,
// those that were used longest ago. Remembers in ROOT/image-uses when each was used.
class ImageUpkeep {
  public:
    explicit ImageUpkeep(const World &world) : world_(world) {} // which outlives it

    // Images may go at all.
    bool wanted() const;
    // Takes its time; not from two threads at once.
    void tend(const std::stop_token &stop);

  private:
    struct Freed {
        std::int64_t bytes = 0;
        std::string trouble = {}; // of the first that could not be removed
    };
    Status remove_some(const std::stop_token &stop);
    Result<std::vector<Runtime::ImageOnNode>> look(std::int64_t now);
    Status check_space(std::vector<Runtime::ImageOnNode> images, std::int64_t now, const std::stop_token &stop);
    bool remove(const Runtime::ImageOnNode &image, const std::string &why, Freed &freed);
    Status keep() const;
    std::filesystem::path file() const { return world_.options.root_directory / "image-uses"; }

    const World &world_;
    std::optional<ImageUses> uses_; // nothing: not read yet
    bool failed_ = false;           // the last time
};

} // namespace ballast::agent
