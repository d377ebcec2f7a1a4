// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <span>
#include <string_view>

#include "base/result.h"

// Bytes that come from, or go to, somewhere that this folder need not know: a registry, a client's request, a file.
namespace ballast::image {

// Fills the front of `into` (never empty) and returns how much; 0 is the end. May block.
using ByteSource = std::function<Result<std::size_t>(std::span<char> into)>;

// Takes all the bytes or fails. May block.
using ByteSink = std::function<Status(std::string_view bytes)>;

} // namespace ballast::image
