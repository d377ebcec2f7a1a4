// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_names.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "base/json/json_cursor.h"

namespace ballast::image {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint32_t kVersion = 1;
constexpr const char *kNameAnnotation = "org.opencontainers.image.ref.name";
constexpr std::size_t kIdDigits = 64;
constexpr std::string_view kHexDigits = "0123456789abcdef";

void insert_sorted(std::vector<std::string> &list, const std::string &text) {
    const auto place = std::ranges::lower_bound(list, text);
    if (place == list.end() || *place != text) {
        list.insert(place, text);
    }
}

Digest read_digest(const JsonCursor &from) {
    if (from.view().empty()) {
        return {};
    }
    Result<Digest> digest = Digest::parse(from.view());
    if (!digest.has_value()) {
        from.fail(digest.error().message);
        return {};
    }
    return std::move(*digest);
}

// Only what parses as a name of the right form comes back into the maps.
std::vector<std::string> read_names(const JsonCursor &from, bool digests) {
    std::vector<std::string> names;
    for (const JsonCursor item : from.items()) {
        const Result<Reference> reference = Reference::parse(item.view());
        if (!reference.has_value() || reference->digest.has_value() != digests || reference->tag.empty() != digests) {
            item.refuse(digests ? "a repository with a digest" : "a repository with a tag");
            continue;
        }
        insert_sorted(names, reference->canonical());
    }
    return names;
}

// "sha256:HEX" or HEX, whole or the beginning of it. Empty: it is no id.
std::string_view id_digits(std::string_view typed) {
    if (typed.starts_with("sha256:")) {
        typed.remove_prefix(7);
    }
    const bool id =
        !typed.empty() && typed.size() <= kIdDigits && typed.find_first_not_of(kHexDigits) == std::string_view::npos;
    return id ? typed : std::string_view();
}

} // namespace

Result<ImageNames> ImageNames::parse(std::string_view text, const std::string &name) {
    JsonDocument document = TRY(JsonDocument::parse(text, name));
    const JsonCursor root(document);
    (void)root.need("version").number<std::uint32_t>(kVersion, kVersion); // another one is the document's failure
    ImageNames names;
    for (const JsonCursor item : root.need("images").items()) {
        ImageRecord record;
        record.id = read_digest(item.need("id"));
        record.manifest = read_descriptor(item.need("manifest"));
        record.parent = read_digest(item.at("parent"));
        record.tagged = item.at("tagged").number<std::int64_t>();
        record.top_layer = read_digest(item.at("topLayer"));
        record.tags = read_names(item.at("tags"), false);
        record.digests = read_names(item.at("digests"), true);
        if (document.failed()) {
            break;
        }
        for (const std::vector<std::string> *list : {&record.tags, &record.digests}) {
            for (const std::string &entry : *list) {
                if (!names.by_name_.emplace(entry, record.id).second) {
                    item.fail("the name " + shortly_quoted(entry) + " stands there twice");
                }
            }
        }
        const Digest id = record.id;
        if (id.empty() || !names.images_.emplace(id, std::move(record)).second) {
            item.fail("the image stands there twice, or has no id");
        }
    }
    for (const JsonCursor item : root.at("kept").items()) {
        const Digest id = read_digest(item.need("id"));
        names.kept_[id] = read_digest(item.need("topLayer"));
    }
    TRY(document.status());
    return names;
}

std::string ImageNames::text() const {
    Json images = Json::array();
    for (const auto &[id, record] : images_) {
        images.push_back({{"id", id.text()},
                          {"manifest",
                           {{"mediaType", record.manifest.media_type},
                            {"digest", record.manifest.digest.text()},
                            {"size", record.manifest.size}}},
                          {"parent", record.parent.text()},
                          {"tagged", record.tagged},
                          {"topLayer", record.top_layer.text()},
                          {"tags", record.tags},
                          {"digests", record.digests}});
    }
    Json kept = Json::array();
    for (const auto &[id, top_layer] : kept_) {
        kept.push_back({{"id", id.text()}, {"topLayer", top_layer.text()}});
    }
    const Json json = {{"version", kVersion}, {"images", std::move(images)}, {"kept", std::move(kept)}};
    return json.dump() + "\n";
}

std::string ImageNames::index_json() const {
    Index index{.media_type = std::string(kOciIndex), .manifests = {}};
    for (const auto &[id, record] : images_) {
        Descriptor descriptor{
            .media_type = record.manifest.media_type, .digest = record.manifest.digest, .size = record.manifest.size};
        if (record.tags.empty()) {
            index.manifests.push_back(descriptor);
        }
        for (const std::string &tag : record.tags) {
            descriptor.annotations = {{kNameAnnotation, tag}};
            index.manifests.push_back(descriptor);
        }
    }
    return index_text(index);
}

const ImageRecord *ImageNames::find(const Digest &id) const {
    const auto found = images_.find(id);
    return found == images_.end() ? nullptr : &found->second;
}

const ImageRecord *ImageNames::find(const Reference &reference) const {
    const auto named = [&](const Reference &wanted) -> const ImageRecord * {
        const auto found = by_name_.find(wanted.canonical());
        return found == by_name_.end() ? nullptr : find(found->second);
    };
    if (!reference.digest) {
        return named(reference.with_tag(reference.tag.empty() ? std::string(kDefaultTag) : reference.tag));
    }
    // With both, the digest says which image it is; the tag may have gone on.
    const ImageRecord *record = named(reference.with_digest(*reference.digest));
    if (record == nullptr) {
        const ImageRecord *by_id = find(*reference.digest);
        const bool same_repository = by_id != nullptr && std::ranges::any_of(by_id->tags, [&](const std::string &tag) {
                                         return tag.starts_with(reference.repository() + ":");
                                     });
        return same_repository ? by_id : nullptr;
    }
    return record;
}

Result<const ImageRecord *> ImageNames::resolve(std::string_view typed) const {
    if (const Result<Reference> reference = Reference::parse(typed); reference.has_value()) {
        if (const ImageRecord *record = find(*reference)) {
            return record;
        }
    } else if (id_digits(typed).empty()) {
        return std::unexpected(reference.error());
    }
    const std::string_view digits = id_digits(typed);
    const ImageRecord *found = nullptr;
    if (!digits.empty()) {
        for (const auto &[id, record] : images_) {
            if (id.hex().starts_with(digits)) {
                if (found != nullptr) {
                    return fail(EINVAL, "ambiguous image id: several begin with " + shortly_quoted(digits));
                }
                found = &record;
            }
        }
    }
    if (found == nullptr) {
        const Result<Reference> named = Reference::parse_with_default_tag(typed);
        return fail(ENOENT, "No such image: " + (named.has_value() ? named->familiar() : std::string(typed)));
    }
    return found;
}

std::vector<Digest> ImageNames::children(const Digest &id) const {
    std::vector<Digest> children;
    for (const auto &[child, record] : images_) {
        if (!id.empty() && record.parent == id) {
            children.push_back(child);
        }
    }
    return children;
}

ImageRecord &ImageNames::add(const Digest &id, const Descriptor &manifest, const Digest &top_layer) {
    ImageRecord &record = images_[id];
    record.id = id;
    record.manifest = manifest;
    record.top_layer = top_layer;
    kept_.erase(id);
    return record;
}

std::optional<Digest> ImageNames::name(const Digest &id, const Reference &reference, std::int64_t now) {
    const std::string canonical = reference.canonical();
    std::optional<Digest> before;
    if (const auto owner = by_name_.find(canonical); owner != by_name_.end()) {
        if (owner->second == id) {
            return std::nullopt;
        }
        before = owner->second;
        unname(canonical);
    }
    ImageRecord &record = images_.at(id);
    insert_sorted(reference.digest ? record.digests : record.tags, canonical);
    record.tagged = now;
    by_name_[canonical] = id;
    return before;
}

void ImageNames::unname(const std::string &canonical) {
    const auto owner = by_name_.find(canonical);
    if (owner == by_name_.end()) {
        return;
    }
    ImageRecord &record = images_.at(owner->second);
    std::erase(record.tags, canonical);
    std::erase(record.digests, canonical);
    by_name_.erase(owner);
}

void ImageNames::remove(const Digest &id) {
    const auto found = images_.find(id);
    if (found == images_.end()) {
        return;
    }
    for (const std::vector<std::string> *list : {&found->second.tags, &found->second.digests}) {
        for (const std::string &name : *list) {
            by_name_.erase(name);
        }
    }
    images_.erase(found);
}

void ImageNames::set_parent(const Digest &id, const Digest &parent) {
    if (const auto found = images_.find(id); found != images_.end() && id != parent) {
        found->second.parent = parent;
    }
}

} // namespace ballast::image
