// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace ballast::power {

struct Range {
    std::uint64_t offset = 0, size = 0; // bytes
};

// The objects of a repository as they were when it was found whole, and where on the disk their bytes lie: to read them
// all again is most of what it takes to judge a disk.
class WholeObjects {
  public:
    // `offset`: of the file system on the disk.
    static Result<WholeObjects> of(const std::filesystem::path &repository, std::uint64_t offset);

    // Whether they are the same objects, and nothing was written where they lie. `written`: places on the disk.
    Result<bool> are_left_alone(const std::filesystem::path &repository, const std::vector<Range> &written) const;

  private:
    std::string listing_;       // names, inodes, modes, owners, sizes and times of change
    std::vector<Range> places_; // in their order
};

} // namespace ballast::power
