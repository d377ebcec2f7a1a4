// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/manifest.h"

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

namespace ballast::image {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMostUrls = 16;
constexpr std::size_t kMostAnnotations = 1024;

std::string text_of(const Json &json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }

std::map<std::string, std::string> read_annotations(const JsonCursor &from) {
    std::map<std::string, std::string> annotations;
    const JsonCursor::Children members = from.members();
    if (members.size() > kMostAnnotations) {
        from.fail("more than " + std::to_string(kMostAnnotations) + " annotations");
        return annotations;
    }
    for (const JsonCursor member : members) {
        annotations[std::string(member.name())] = member.text();
    }
    return annotations;
}

Platform read_platform(const JsonCursor &from) {
    return normalized(Platform{.os = from.at("os").text(),
                               .architecture = from.at("architecture").text(),
                               .variant = from.at("variant").text(),
                               .os_version = from.at("os.version").text()});
}

Result<JsonDocument> open_document(std::string_view text, const std::string &name) {
    if (text.size() > kLargestManifest) {
        return fail(EFBIG, name + ": larger than " + std::to_string(kLargestManifest) + " bytes");
    }
    return JsonDocument::parse(text, name);
}

// EINVAL from the limits of the reader's lists is the document's own; what is left is a form that nobody wants here.
MediaKind kind_by_form(const JsonCursor &root) {
    if (root.at("fsLayers").given()) {
        return MediaKind::kSchema1;
    }
    return root.at("manifests").given()                             ? MediaKind::kIndex
           : root.at("layers").given() || root.at("config").given() ? MediaKind::kManifest
                                                                    : MediaKind::kUnknown;
}

std::unexpected<Error> schema1(const std::string &name) {
    return fail(ENOTSUP,
                name + ": Docker image format v1 and Docker image manifest version 2, schema 1 are not supported; " +
                    "push the image again with a current tool to convert it");
}

void check_version(const JsonCursor &root) {
    if (const auto version = root.at("schemaVersion").optional_number<std::uint32_t>(); version && *version != 2) {
        root.at("schemaVersion").refuse("2");
    }
}

Json json_of(const Descriptor &descriptor) {
    Json json = {{"mediaType", descriptor.media_type}, {"digest", descriptor.digest.text()}, {"size", descriptor.size}};
    if (!descriptor.urls.empty()) {
        json["urls"] = descriptor.urls;
    }
    if (!descriptor.annotations.empty()) {
        json["annotations"] = descriptor.annotations;
    }
    if (descriptor.platform) {
        json["platform"] = {{"architecture", descriptor.platform->architecture}, {"os", descriptor.platform->os}};
        if (!descriptor.platform->variant.empty()) {
            json["platform"]["variant"] = descriptor.platform->variant;
        }
        if (!descriptor.platform->os_version.empty()) {
            json["platform"]["os.version"] = descriptor.platform->os_version;
        }
    }
    return json;
}

bool is_attestation(const Descriptor &descriptor) {
    return descriptor.annotations.contains("vnd.docker.reference.type");
}

} // namespace

Descriptor read_descriptor(const JsonCursor &from) {
    Descriptor descriptor;
    descriptor.media_type = from.at("mediaType").text();
    const JsonCursor digest = from.need("digest");
    if (digest.given()) {
        Result<Digest> parsed = Digest::parse(digest.view());
        if (parsed.has_value()) {
            descriptor.digest = std::move(*parsed);
        } else {
            digest.fail(parsed.error().message);
        }
    }
    descriptor.size = from.need("size").number<std::uint64_t>(0, kLargestLayer);
    for (const JsonCursor url : from.at("urls").items(kMostUrls)) {
        descriptor.urls.push_back(url.text());
    }
    descriptor.annotations = read_annotations(from.at("annotations"));
    if (const JsonCursor platform = from.at("platform"); platform.given()) {
        descriptor.platform = read_platform(platform);
    }
    return descriptor;
}

Result<MediaKind> document_kind(std::string_view text, std::string_view media_type, const std::string &name) {
    JsonDocument document = TRY(open_document(text, name));
    const JsonCursor root(document);
    const MediaKind form = kind_by_form(root);
    const std::string own = root.at("mediaType").text();
    TRY(document.status());
    if (form == MediaKind::kSchema1 || media_kind(media_type) == MediaKind::kSchema1) {
        return schema1(name);
    }
    // A document that is an index to one reader and a manifest to another has two meanings under one digest.
    if (root.at("manifests").given() && (root.at("layers").given() || root.at("config").given())) {
        return fail(EINVAL, name + ": it is a manifest and an index at once");
    }
    const MediaKind said = media_kind(own.empty() ? media_type : std::string_view(own));
    if (form == MediaKind::kUnknown || (said != MediaKind::kUnknown && said != form)) {
        return fail(EINVAL, name + ": media type " + shortly_quoted(own.empty() ? media_type : std::string_view(own)) +
                                " is not what the document is");
    }
    if (!own.empty() && media_kind(media_type) != MediaKind::kUnknown && media_kind(media_type) != form) {
        return fail(EINVAL,
                    name + ": announced as " + shortly_quoted(media_type) + ", but it says " + shortly_quoted(own));
    }
    return form;
}

Result<Manifest> parse_manifest(std::string_view text, const std::string &name) {
    if (TRY(document_kind(text, "", name)) != MediaKind::kManifest) {
        return fail(EINVAL, name + ": it is an index, not a manifest");
    }
    JsonDocument document = TRY(open_document(text, name));
    const JsonCursor root(document);
    check_version(root);
    Manifest manifest;
    manifest.config = read_descriptor(root.need("config"));
    for (const JsonCursor layer : root.need("layers").items(kMostLayers)) {
        manifest.layers.push_back(read_descriptor(layer));
    }
    manifest.annotations = read_annotations(root.at("annotations"));
    manifest.media_type = root.at("mediaType").text();
    TRY(document.status());
    if (manifest.media_type.empty()) {
        manifest.media_type =
            media_kind(manifest.config.media_type) == MediaKind::kConfig && manifest.config.media_type == kDockerConfig
                ? kDockerManifest
                : kOciManifest;
    }
    if (media_kind(manifest.config.media_type) != MediaKind::kConfig) {
        return fail(ENOTSUP, name + ": its configuration is of type " + shortly_quoted(manifest.config.media_type) +
                                 ": this is an artifact, not an image to run");
    }
    for (const Descriptor &layer : manifest.layers) {
        const MediaKind kind = media_kind(layer.media_type);
        if (kind != MediaKind::kLayer && kind != MediaKind::kForeignLayer) {
            return fail(ENOTSUP, name + ": layer " + layer.digest.text() + " is of type " +
                                     shortly_quoted(layer.media_type) + ", which is not supported");
        }
    }
    return manifest;
}

Result<Index> parse_index(std::string_view text, const std::string &name) {
    if (TRY(document_kind(text, "", name)) != MediaKind::kIndex) {
        return fail(EINVAL, name + ": it is a manifest, not an index");
    }
    JsonDocument document = TRY(open_document(text, name));
    const JsonCursor root(document);
    check_version(root);
    Index index;
    for (const JsonCursor manifest : root.need("manifests").items(kMostIndexEntries)) {
        index.manifests.push_back(read_descriptor(manifest));
    }
    index.media_type = root.at("mediaType").text();
    TRY(document.status());
    if (index.media_type.empty()) {
        index.media_type = kOciIndex;
    }
    return index;
}

Result<Descriptor> choose_manifest(const Index &index, const Platform &wanted, const std::string &name) {
    const Descriptor *best = nullptr;
    int best_rank = 0;
    std::string offered;
    for (const Descriptor &entry : index.manifests) {
        const MediaKind kind = media_kind(entry.media_type);
        if (is_attestation(entry) || (kind != MediaKind::kManifest && kind != MediaKind::kIndex)) {
            continue;
        }
        if (!entry.platform || entry.platform->os.empty()) {
            continue;
        }
        if (entry.platform->os != "unknown") {
            offered += (offered.empty() ? "" : ", ") + entry.platform->text();
        }
        if (const int rank = platform_rank(wanted, *entry.platform); rank > best_rank) {
            best = &entry;
            best_rank = rank;
        }
    }
    if (best == nullptr && index.manifests.size() == 1 && !index.manifests[0].platform) {
        best = index.manifests.data();
    }
    if (best == nullptr) {
        return fail(ENOENT, name + ": no matching manifest for " + wanted.text() + " in the manifest list entries" +
                                (offered.empty() ? "" : " (there is " + shortly_quoted(offered) + ")"));
    }
    return *best;
}

std::string manifest_text(const Manifest &manifest) {
    Json layers = Json::array();
    for (const Descriptor &layer : manifest.layers) {
        layers.push_back(json_of(layer));
    }
    Json json = {{"schemaVersion", 2},
                 {"mediaType", manifest.media_type},
                 {"config", json_of(manifest.config)},
                 {"layers", std::move(layers)}};
    if (!manifest.annotations.empty()) {
        json["annotations"] = manifest.annotations;
    }
    return text_of(json);
}

std::string index_text(const Index &index) {
    Json manifests = Json::array();
    for (const Descriptor &manifest : index.manifests) {
        manifests.push_back(json_of(manifest));
    }
    const Json json = {{"schemaVersion", 2}, {"mediaType", index.media_type}, {"manifests", std::move(manifests)}};
    return text_of(json);
}

} // namespace ballast::image
