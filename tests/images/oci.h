// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <ctime>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/images/spec.h"

// The documents of the OCI image specification 1.1, with sorted keys and no white space.
namespace ballast::images {

inline constexpr const char *kIndexType = "application/vnd.oci.image.index.v1+json";
inline constexpr const char *kManifestType = "application/vnd.oci.image.manifest.v1+json";
inline constexpr const char *kConfigType = "application/vnd.oci.image.config.v1+json";
inline constexpr const char *kReferenceAnnotation = "org.opencontainers.image.ref.name";

struct Descriptor {
    std::string media_type;
    std::string digest; // "sha256:…"
    std::uint64_t size = 0;
    std::optional<Platform> platform;
    std::map<std::string, std::string> annotations;
};

std::string layer_type(Compression compression);

// The image's configuration. `diff_ids`: digests of the uncompressed layers, lowest first.
std::string config_json(const ImageSpec &image, const Platform &platform, std::time_t created,
                        const std::vector<std::string> &diff_ids);

std::string manifest_json(const Descriptor &config, const std::vector<Descriptor> &layers);

// An image index, and the index.json of a layout as well.
std::string index_json(const std::vector<Descriptor> &manifests);

} // namespace ballast::images
