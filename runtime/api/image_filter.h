// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "runtime/engine/engine.h"
#include "runtime/image/image_store.h"

namespace ballast::api {

using ImageTest = std::function<bool(const image::Image &)>;

// Whether an image passes docker's filters: before, since (another image), label, label!, reference, dangling, until.
// EINVAL for what does not read, ENOENT for an image that is compared with and is not there.
Result<ImageTest> image_filter(const engine::Filters &filters, const image::ImageStore &images, engine::Time now);

// "busybox", "busybox:1.*", "reg.example/*/app": a pattern over familiar names, whose '*' does not match a slash.
bool matches_reference(const std::string &pattern, const std::string &familiar);

} // namespace ballast::api
