// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/file_io.h"
#include "tests/images/layout.h"
#include "tests/images/packages.h"
#include "tests/images/sources.h"

// For integration tests: the images of images.yaml, built from real packages into a directory that goes with the
// object.
namespace ballast::images {

class BuiltImages {
  public:
    BuiltImages(); // ends the test with a message when it fails

    const std::vector<ImageSpec> &images() const { return images_; }
    const ImageSpec &image(const std::string &name) const;
    const BuiltImage &built(const std::string &name) const { return built_.at(name); }
    std::filesystem::path layout(const std::string &name) const { return layouts() / name; }
    std::filesystem::path layouts() const { return directory_.path() / "layouts"; }
    std::filesystem::path scratch() const { return directory_.path(); }
    const Sources &sources() const { return sources_; }

  private:
    TemporaryDirectory directory_;
    std::vector<ImageSpec> images_;
    PackageCache cache_;
    Sources sources_;
    std::map<std::string, BuiltImage> built_;
};

} // namespace ballast::images
