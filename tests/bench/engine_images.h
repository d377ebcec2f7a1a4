// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>

#include "base/result.h"

// Images that engines are measured with, as OCI image layouts.
namespace ballast::bench {

// DIRECTORY/payload: nothing but /payload, which is programs/payload.cc.
Status make_payload_image(const std::filesystem::path &directory, const std::filesystem::path &payload);

// DIRECTORY/big: 500 MB in ten layers of gzip, files of many sizes that compress about as programs do (to 40 %). The
// same bytes each time.
Status make_big_image(const std::filesystem::path &directory);

} // namespace ballast::bench
