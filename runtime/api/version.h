// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// Versions of the Docker Engine API. All that matter are 1.MINOR.
namespace ballast::api {

inline constexpr unsigned kNewest = 45;
inline constexpr unsigned kOldest = 24;
inline constexpr std::string_view kNewestText = "1.45";
inline constexpr std::string_view kOldestText = "1.24";

// "/v1.44/containers/json" is version 44 and "/containers/json"; a path without a version has the newest.
struct VersionedPath {
    std::string_view version; // "1.44"; empty: none was named
    std::string_view path;
};
VersionedPath split_version(std::string_view path);

// EINVAL with the sentence that clients of Docker know when it is too old or too new.
Result<unsigned> negotiate(std::string_view version);

} // namespace ballast::api
