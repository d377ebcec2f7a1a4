// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/image/digest.h"

// Names of images, "[DOMAIN[:PORT]/]PATH[:TAG][@DIGEST]", by the grammar of the distribution project's reference
// package, with the defaults that users of docker know: no domain is docker.io, one component there is library/, no tag
// is latest.
namespace ballast::image {

inline constexpr std::string_view kDefaultDomain = "docker.io";
inline constexpr std::string_view kDefaultTag = "latest";

struct Reference {
    std::string domain = {}; // "docker.io", "localhost:5000", "[::1]:5000"
    std::string path = {};   // "library/busybox"
    std::string tag = {};    // empty: none
    std::optional<Digest> digest = {};

    // A name as a person types it. Neither tag nor digest: both are left empty. EINVAL with a sentence that says what
    // is wrong; 64 hexadecimal digits are refused, they are an image's id.
    static Result<Reference> parse(std::string_view text);
    // The same, with the tag "latest" when there is neither tag nor digest.
    static Result<Reference> parse_with_default_tag(std::string_view text);

    std::string repository() const;                // "docker.io/library/busybox"
    std::string familiar_repository() const;       // "busybox"
    std::string canonical() const;                 // "docker.io/library/busybox:latest@sha256:…", with what it has
    std::string familiar() const;                  // "busybox:latest@sha256:…"
    Reference with_tag(std::string new_tag) const; // in place of tag and digest
    Reference with_digest(const Digest &new_digest) const; // in place of tag and digest

    bool operator==(const Reference &) const = default;
};

// "[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}"
bool is_tag(std::string_view text);

} // namespace ballast::image
