// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

// Media types of manifests, configurations and layers: those of the OCI image specification 1.1 and of Docker's image
// manifest version 2, schema 2.
namespace ballast::image {

inline constexpr std::string_view kOciIndex = "application/vnd.oci.image.index.v1+json";
inline constexpr std::string_view kOciManifest = "application/vnd.oci.image.manifest.v1+json";
inline constexpr std::string_view kOciConfig = "application/vnd.oci.image.config.v1+json";
inline constexpr std::string_view kOciLayer = "application/vnd.oci.image.layer.v1.tar";
inline constexpr std::string_view kOciLayerGzip = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr std::string_view kOciLayerZstd = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr std::string_view kDockerList = "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr std::string_view kDockerManifest = "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr std::string_view kDockerConfig = "application/vnd.docker.container.image.v1+json";
inline constexpr std::string_view kDockerLayerGzip = "application/vnd.docker.image.rootfs.diff.tar.gzip";
inline constexpr std::string_view kDockerLayer = "application/vnd.docker.image.rootfs.diff.tar";

enum class MediaKind : std::uint8_t {
    kUnknown,
    kIndex,    // of the OCI, or Docker's list
    kManifest, // of the OCI, or Docker's schema 2
    kSchema1,  // Docker's schema 1, signed or not: refused
    kConfig,   // of an image
    kLayer,
    kForeignLayer, // one that registries must not hand on ("nondistributable")
};

// Parameters (";charset=…") and letter case do not count.
MediaKind media_kind(std::string_view media_type);

} // namespace ballast::image
