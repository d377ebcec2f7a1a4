// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "runtime/image/image_store.h"

namespace ballast::image {

// "busybox", "REGISTRY:5000/web:1", "web@sha256:…" as people write names, or the beginning of whole ones and a star:
// "registry.example/platform/*". EINVAL for what is neither.
Status check_name_pattern(const std::string &pattern);

// Has the image a name that one of the patterns means?
bool has_name_of(const Image &image, const std::vector<std::string> &patterns);

} // namespace ballast::image
