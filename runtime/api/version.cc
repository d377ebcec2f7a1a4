// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/version.h"

#include <algorithm>
#include <charconv>
#include <format>
#include <vector>

namespace ballast::api {
namespace {

// Part by part, missing parts counting as 0, as Docker compares versions.
int compare(std::string_view one, std::string_view other) {
    auto next_part = [](std::string_view &text) {
        const std::string_view part = text.substr(0, text.find('.'));
        text.remove_prefix(std::min(part.size() + 1, text.size()));
        unsigned long number = 0;
        const auto result = std::from_chars(part.data(), part.data() + part.size(), number);
        return result.ec == std::errc::result_out_of_range ? ~0UL : number;
    };
    while (!one.empty() || !other.empty()) {
        const unsigned long left = next_part(one);
        const unsigned long right = next_part(other);
        if (left != right) {
            return left < right ? -1 : 1;
        }
    }
    return 0;
}

} // namespace

VersionedPath split_version(std::string_view path) {
    if (!path.starts_with("/v")) {
        return {{}, path};
    }
    const std::size_t end = std::min(path.find_first_not_of("0123456789.", 2), path.size());
    if (end == 2 || end == path.size() || path[end] != '/') {
        return {{}, path};
    }
    return {path.substr(2, end - 2), path.substr(end)};
}

Result<unsigned> negotiate(std::string_view version) {
    if (version.empty()) {
        return kNewest;
    }
    if (compare(version, kOldestText) < 0) {
        return fail(EINVAL, std::format("client version {} is too old. Minimum supported API version is {}, please "
                                        "upgrade your client to a newer version",
                                        version, kOldestText));
    }
    if (compare(version, kNewestText) > 0) {
        return fail(EINVAL, std::format("client version {} is too new. Maximum supported API version is {}", version,
                                        kNewestText));
    }
    unsigned minor = kNewest;
    const std::size_t dot = version.find('.');
    const std::string_view rest = version.substr(dot + 1);
    (void)std::from_chars(rest.data(), rest.data() + rest.size(), minor); // in range: it was just compared
    return minor;
}

} // namespace ballast::api
