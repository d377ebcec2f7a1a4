// SPDX-License-Identifier: Apache-2.0
// ImageStore::save(): an OCI image layout that older readers take for docker's own form, for manifest.json is there,
// too.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "runtime/image/store_state.h"
#include "runtime/image/tar.h"

namespace ballast::image {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kChunk = 256UL << 10;
constexpr std::string_view kLayout = "{\"imageLayoutVersion\":\"1.0.0\"}";

struct Chosen {
    ImageRecord record;
    std::set<std::string> tags; // canonical
};

// A name with tag or digest, an id, or a repository: all its tags.
Status choose(const ImageNames &names, const std::string &typed, std::map<Digest, Chosen> &chosen) {
    const Result<Reference> reference = Reference::parse(typed);
    if (reference.has_value() && reference->tag.empty() && !reference->digest) {
        bool found = false;
        for (const auto &[id, record] : names.images()) {
            for (const std::string &tag : record.tags) {
                if (tag.starts_with(reference->repository() + ":")) {
                    chosen.try_emplace(id, Chosen{.record = record, .tags = {}}).first->second.tags.insert(tag);
                    found = true;
                }
            }
        }
        if (found) {
            return {};
        }
    }
    const ImageRecord *record = TRY(names.resolve(typed));
    Chosen &choice = chosen.try_emplace(record->id, Chosen{.record = *record, .tags = {}}).first->second;
    if (reference.has_value() && !reference->digest && names.find(*reference) == record) {
        choice.tags.insert(
            reference->with_tag(reference->tag.empty() ? std::string(kDefaultTag) : reference->tag).canonical());
    }
    return {};
}

std::string place_of(const Digest &digest) {
    return "blobs/" + std::string(digest.algorithm_name()) + "/" + std::string(digest.hex());
}

class Saver {
  public:
    Saver(const StoreState &store, TarWriter &archive, std::stop_token stop)
        : store_(store), archive_(archive), stop_(std::move(stop)) {}

    Status run(const std::map<Digest, Chosen> &chosen) {
        Index index{.media_type = std::string(kOciIndex), .manifests = {}};
        Json docker = Json::array();
        for (const auto &[id, choice] : chosen) {
            const Manifest manifest = TRY(store_.manifest_of(choice.record));
            Json layers = Json::array();
            for (const Descriptor &layer : manifest.layers) {
                layers.push_back(place_of(layer.digest));
            }
            Json tags = Json::array();
            for (const std::string &tag : choice.tags) {
                tags.push_back(familiar_name(tag));
            }
            docker.push_back({{"Config", place_of(id)}, {"RepoTags", std::move(tags)}, {"Layers", std::move(layers)}});
            add_descriptors(choice, index);
        }
        TRY(add_text("oci-layout", kLayout));
        TRY(add_text("index.json", index_text(index)));
        TRY(add_text("manifest.json", docker.dump()));
        for (const auto &[id, choice] : chosen) {
            const Manifest manifest = TRY(store_.manifest_of(choice.record));
            TRY(add_blob(choice.record.manifest.digest));
            TRY(add_blob(id));
            for (const Descriptor &layer : manifest.layers) {
                TRY(add_blob(layer.digest));
            }
        }
        return archive_.close();
    }

  private:
    static void add_descriptors(const Chosen &choice, Index &index) {
        Descriptor descriptor{.media_type = choice.record.manifest.media_type,
                              .digest = choice.record.manifest.digest,
                              .size = choice.record.manifest.size};
        if (choice.tags.empty()) {
            index.manifests.push_back(descriptor);
        }
        for (const std::string &tag : choice.tags) {
            descriptor.annotations = {{"io.containerd.image.name", tag},
                                      {"org.opencontainers.image.ref.name", tag.substr(tag.rfind(':') + 1)}};
            index.manifests.push_back(descriptor);
        }
    }

    Status add_text(const std::string &path, std::string_view text) {
        return archive_.add_file(TarEntry{.path = path, .target = {}, .xattrs = {}, .data = {}}, text);
    }

    Status add_blob(const Digest &digest) {
        if (!written_.insert(digest).second) {
            return {};
        }
        BlobReader reader = TRY(BlobReader::open(*store_.blobs, digest));
        TarEntry entry{.path = place_of(digest), .target = {}, .xattrs = {}, .data = {}};
        entry.size = TRY(store_.blobs->size(digest));
        TRY(archive_.add(entry));
        std::vector<char> buffer(kChunk);
        while (const std::size_t size = TRY(reader.read(buffer))) {
            if (stop_.stop_requested()) {
                return fail(ECANCELED, "save: cancelled");
            }
            TRY(archive_.write({buffer.data(), size}));
        }
        return {};
    }

    const StoreState &store_;
    TarWriter &archive_;
    std::stop_token stop_;
    std::set<Digest> written_;
};

} // namespace

Status ImageStore::save(const std::vector<std::string> &typed, const ByteSink &sink, std::stop_token stop) {
    Lease lease = state_->lease();
    std::map<Digest, Chosen> chosen;
    const ImageNames names = state_->names();
    for (const std::string &name : typed) {
        TRY(choose(names, name, chosen));
    }
    for (const auto &[id, choice] : chosen) {
        lease.keep(id);
        lease.keep(choice.record.manifest.digest);
        for (const Descriptor &layer : TRY(state_->manifest_of(choice.record)).layers) {
            lease.keep(layer.digest);
        }
    }
    TarWriter archive = TRY(TarWriter::open(sink));
    TRY(Saver(*state_, archive, std::move(stop)).run(chosen));
    for (const auto &[id, choice] : chosen) {
        state_->event("save", id, id.text());
    }
    return {};
}

} // namespace ballast::image
