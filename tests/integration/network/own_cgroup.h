// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "tests/unit/check.h"

namespace ballast::testing {

// A cgroup of version 2 that this process is in as long as this lives, on a mount of the test's own. The test is
// skipped where none can be had.
class OwnCgroup {
  public:
    OwnCgroup();
    ~OwnCgroup();
    OwnCgroup(const OwnCgroup &) = delete;
    OwnCgroup &operator=(const OwnCgroup &) = delete;
    std::filesystem::path path() const;

  private:
    TemporaryDirectory mount_ = scratch();
};

} // namespace ballast::testing
