// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/media_type.h"

#include <algorithm>
#include <array>
#include <string>

namespace ballast::image {
namespace {

struct Known {
    std::string_view name;
    MediaKind kind;
};

constexpr std::array<Known, 19> kKnown{{
    {kOciIndex, MediaKind::kIndex},
    {kDockerList, MediaKind::kIndex},
    {kOciManifest, MediaKind::kManifest},
    {kDockerManifest, MediaKind::kManifest},
    {"application/vnd.docker.distribution.manifest.v1+json", MediaKind::kSchema1},
    {"application/vnd.docker.distribution.manifest.v1+prettyjws", MediaKind::kSchema1},
    {kOciConfig, MediaKind::kConfig},
    {kDockerConfig, MediaKind::kConfig},
    {kOciLayer, MediaKind::kLayer},
    {kOciLayerGzip, MediaKind::kLayer},
    {kOciLayerZstd, MediaKind::kLayer},
    {kDockerLayer, MediaKind::kLayer},
    {kDockerLayerGzip, MediaKind::kLayer},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", MediaKind::kLayer},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", MediaKind::kForeignLayer},
    {"application/vnd.docker.image.rootfs.foreign.diff.tar", MediaKind::kForeignLayer},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar", MediaKind::kForeignLayer},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", MediaKind::kForeignLayer},
    {"application/vnd.oci.image.layer.nondistributable.v1.tar+zstd", MediaKind::kForeignLayer},
}};

} // namespace

MediaKind media_kind(std::string_view media_type) {
    std::string plain(media_type.substr(0, media_type.find(';')));
    while (plain.ends_with(' ')) {
        plain.pop_back();
    }
    std::ranges::transform(plain, plain.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    const auto known = std::ranges::find(kKnown, plain, &Known::name);
    return known == kKnown.end() ? MediaKind::kUnknown : known->kind;
}

} // namespace ballast::image
