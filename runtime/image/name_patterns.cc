// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/name_patterns.h"

#include <algorithm>

#include "base/quote.h"

namespace ballast::image {
namespace {

// As names are written out in full: "docker.io/library/busybox:latest".
std::string canonical(const std::string &name) {
    const Result<Reference> reference = Reference::parse_with_default_tag(name);
    return reference ? reference->canonical() : name;
}

bool means(const std::string &pattern, const std::string &name) {
    return pattern.ends_with('*') ? canonical(name).starts_with(pattern.substr(0, pattern.size() - 1))
                                  : canonical(name) == canonical(pattern);
}

} // namespace

Status check_name_pattern(const std::string &pattern) {
    if (const std::size_t star = pattern.find('*'); star != std::string::npos) {
        return star > 0 && star == pattern.size() - 1
                   ? Status()
                   : fail(EINVAL, quote(pattern) + ": want a star at the end of a name's beginning only");
    }
    TRY(Reference::parse_with_default_tag(pattern));
    return {};
}

bool has_name_of(const Image &image, const std::vector<std::string> &patterns) {
    return std::ranges::any_of(patterns, [&image](const std::string &pattern) {
        const auto matches = [&pattern](const std::string &name) { return means(pattern, name); };
        return std::ranges::any_of(image.tags, matches) || std::ranges::any_of(image.digests, matches);
    });
}

} // namespace ballast::image
