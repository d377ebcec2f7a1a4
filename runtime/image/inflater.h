// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "base/result.h"

namespace ballast::image {

// One way to undo a compression, over one C library each.
class Inflater {
  public:
    struct Step {
        std::size_t consumed = 0;
        std::size_t produced = 0;
        bool finished = false; // of a member (gzip) or frame (zstd); what follows is another one
    };
    virtual ~Inflater() = default;
    // Makes progress unless `in` is empty. EINVAL for what cannot be read.
    virtual Result<Step> step(std::string_view in, std::span<char> out) = 0;
};

std::unique_ptr<Inflater> make_igzip_inflater();
std::unique_ptr<Inflater> make_zlib_inflater();
std::unique_ptr<Inflater> make_zstd_inflater();

} // namespace ballast::image
