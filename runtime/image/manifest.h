// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json/json_cursor.h"
#include "base/result.h"
#include "runtime/image/digest.h"
#include "runtime/image/media_type.h"
#include "runtime/image/platform.h"

// The documents by which an image is found: descriptors, manifests and indexes, of the OCI image specification 1.1 and
// of Docker's schema 2. Unknown properties are ignored, as the specification asks; wrong types are refused with their
// place.
namespace ballast::image {

inline constexpr std::uint64_t kLargestManifest = 4UL << 20; // bytes; what registries refuse as well
inline constexpr std::size_t kMostLayers = 256;              // overlayfs stacks 500
inline constexpr std::size_t kMostIndexEntries = 1024;
inline constexpr unsigned kDeepestIndex = 4;               // indexes in indexes
inline constexpr std::uint64_t kLargestLayer = 1ULL << 40; // bytes, as it is transferred

struct Descriptor {
    std::string media_type = {};
    Digest digest = {};
    std::uint64_t size = 0;
    std::vector<std::string> urls = {}; // of foreign layers
    std::map<std::string, std::string> annotations = {};
    std::optional<Platform> platform = {};

    bool operator==(const Descriptor &) const = default;
};

struct Manifest {
    std::string media_type = {}; // as in the document, or what it must be by its form
    Descriptor config = {};
    std::vector<Descriptor> layers = {}; // lowest first
    std::map<std::string, std::string> annotations = {};
};

struct Index {
    std::string media_type = {};
    std::vector<Descriptor> manifests = {};
};

// What a document is: by `media_type` (of the server or the descriptor; may be empty), which must not contradict the
// document's own "mediaType". EINVAL for what is neither; ENOTSUP for schema 1, with what to do about it.
Result<MediaKind> document_kind(std::string_view text, std::string_view media_type, const std::string &name);

// EINVAL with "NAME: PLACE: PROBLEM", EFBIG beyond the limits above, ENOTSUP for schema 1 and for manifests that are
// not of an image (artifacts).
Result<Manifest> parse_manifest(std::string_view text, const std::string &name);
Result<Index> parse_index(std::string_view text, const std::string &name);

// The manifest for `wanted` in an index; among equals the first. ENOENT with the platforms that there are.
// Attestations and other entries without a usable platform ("unknown/unknown") are never chosen, unless the index holds
// nothing but one entry without platform.
Result<Descriptor> choose_manifest(const Index &index, const Platform &wanted, const std::string &name);

// The documents as text: keys in the specification's order, no white space, equal for equal input.
std::string manifest_text(const Manifest &manifest);
std::string index_text(const Index &index);

// One descriptor of a document being read; failures are the document's.
Descriptor read_descriptor(const JsonCursor &from);

} // namespace ballast::image
