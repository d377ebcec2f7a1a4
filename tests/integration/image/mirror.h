// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "tests/unit/check.h"

namespace ballast::image_tests {

// A package source on disk with packages made by the test: quick, and without network.
class Mirror {
  public:
    Mirror() : directory_(scratch()) {}

    // Adds an (empty) package for amd64 and returns its line of a package lock.
    std::string add(const std::string &name, const std::string &version, bool essential = false) const;
    // Writes the index over all that was added.
    void publish() const;
    // For BALLAST_DEBIAN_MIRROR.
    std::string sources() const { return "deb [trusted=yes] copy:" + directory_.path().string() + " ./"; }
    const std::filesystem::path &directory() const { return directory_.path(); }

  private:
    TemporaryDirectory directory_;
};

} // namespace ballast::image_tests
