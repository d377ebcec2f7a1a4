// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/engine/model.h"
#include "runtime/image/image_config.h"

namespace ballast::engine {

// Fills in what the user left to the image, by Docker's rules: an entrypoint of the user's own takes the image's
// command away, variables and labels add up, the user's own win. Afterwards `config` is all that a container needs.
void apply_image(Config &config, const image::RunConfig &defaults);

// The other way: a container's configuration as that of a new image.
image::RunConfig image_part(const Config &config);

} // namespace ballast::engine
