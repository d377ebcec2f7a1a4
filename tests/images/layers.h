// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/images/spec.h"
#include "tests/images/tree.h"

// From the description of an image to the entries of its layers.
namespace ballast::images {

// Where the content of files comes from; tests put their own in.
struct Sources {
    std::function<Result<std::string>(const std::string &package, const std::string &architecture,
                                      const std::string &member)>
        package_file;
    std::function<Result<std::string>(const std::string &name)> program;
    std::function<Result<std::string>(const std::string &path)> source_file;
};

// The image's layers for one of its platforms, lowest first, as they are written to tar.
// Errors begin with the place in images.yaml.
Result<std::vector<std::vector<Entry>>> image_layers(const ImageSpec &image, const Platform &platform,
                                                     const Sources &sources);

// The file system that these layers make.
Result<Tree> image_tree(const std::vector<std::vector<Entry>> &layers);

} // namespace ballast::images
