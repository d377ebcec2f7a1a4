// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/image_store.h"

#include <algorithm>
#include <ctime>
#include <map>
#include <set>
#include <sys/stat.h>

#include "base/file_io.h"
#include "base/json/json_tree.h"
#include "runtime/image/store_state.h"

namespace ballast::image {
namespace {

std::vector<std::string> familiar_names(const std::vector<std::string> &canonical) {
    std::vector<std::string> names;
    for (const std::string &name : canonical) {
        names.push_back(familiar_name(name));
    }
    return names;
}

Result<Image> image_of(const StoreState &state, const ImageRecord &record) {
    Image image;
    image.id = record.id;
    image.manifest = record.manifest;
    image.tags = familiar_names(record.tags);
    image.digests = familiar_names(record.digests);
    image.parent = record.parent;
    image.tagged = record.tagged;
    image.config = TRY(state.config_of(record.id));
    image.chain_ids = image.config.chain_ids();
    image.bytes = state.layer_bytes(image.chain_ids);
    return image;
}

Result<ImageRecord> record_of(const StoreState &state, const Digest &id) {
    const ImageNames names = state.names();
    const ImageRecord *record = names.find(id);
    return record != nullptr ? Result<ImageRecord>(*record) : fail(ENOENT, "No such image: " + id.text());
}

// Layers that were lost, from the blobs that are kept.
Status unpack_again(StoreState &state, const ImageRecord &record, const Digest &id) {
    const Manifest manifest = TRY(state.manifest_of(record));
    const ImageConfig config = TRY(state.config_of(id));
    Digest parent;
    for (std::size_t place = 0; place < std::min(manifest.layers.size(), config.diff_ids.size()); place++) {
        auto reader = std::make_shared<BlobReader>(TRY(BlobReader::open(*state.blobs, manifest.layers[place].digest)));
        const Layer layer = TRY(state.layers->unpack(
            parent, config.diff_ids[place], [reader](std::span<char> into) { return reader->read(into); },
            "layer " + manifest.layers[place].digest.text()));
        parent = layer.chain_id;
    }
    return state.layers->settle(config.chain_ids());
}

} // namespace

ImageStore::ImageStore(std::unique_ptr<StoreState> state) : state_(std::move(state)) {}
ImageStore::~ImageStore() = default;

Result<std::unique_ptr<ImageStore>> ImageStore::open(StoreSettings settings) {
    auto state = std::make_unique<StoreState>(std::move(settings));
    const std::filesystem::path &root = state->settings.root;
    TRY(make_directories(root, 0700));
    if (chmod(root.c_str(), 0700) != 0) {
        return fail_errno("chmod " + root.string());
    }
    state->blobs = TRY(BlobStore::open(root));
    state->layers = TRY(LayerStore::open(root, state->settings.warn));
    TRY(state->load_names());
    return std::unique_ptr<ImageStore>(new ImageStore(std::move(state)));
}

Result<Image> ImageStore::find(std::string_view typed) const {
    const ImageNames names = state_->names();
    return image_of(*state_, *TRY(names.resolve(typed)));
}

Result<Image> ImageStore::get(const Digest &id) const { return image_of(*state_, TRY(record_of(*state_, id))); }

std::vector<Image> ImageStore::list() const {
    std::vector<Image> images;
    const ImageNames names = state_->names();
    for (const auto &[id, record] : names.images()) {
        Result<Image> image = image_of(*state_, record);
        if (image.has_value()) {
            images.push_back(std::move(*image));
        } else {
            state_->warn("image left out of the list: " + image.error().message);
        }
    }
    std::ranges::stable_sort(images, [](const Image &one, const Image &other) {
        return seconds_of(one.config.created) > seconds_of(other.config.created);
    });
    return images;
}

Result<std::string> ImageStore::raw_config(const Digest &id) const {
    TRY(record_of(*state_, id));
    return state_->blobs->read(id, kLargestConfig);
}

Result<std::string> ImageStore::raw_manifest(const Digest &id) const {
    return state_->blobs->read(TRY(record_of(*state_, id)).manifest.digest, kLargestManifest);
}

std::vector<Digest> ImageStore::children(const Digest &id) const { return state_->names().children(id); }

Result<std::vector<ImageHistory>> ImageStore::history(const Digest &id) const {
    const ImageNames names = state_->names();
    const ImageRecord *record = names.find(id);
    if (record == nullptr) {
        return fail(ENOENT, "No such image: " + id.text());
    }
    const ImageConfig config = TRY(state_->config_of(id));
    const std::vector<Digest> chain = config.chain_ids();
    std::vector<ImageHistory> history;
    std::size_t layer = 0;
    for (const HistoryEntry &entry : config.history) {
        ImageHistory line{.id = "<missing>",
                          .created = seconds_of(entry.created),
                          .created_by = entry.created_by,
                          .tags = {},
                          .comment = entry.comment};
        if (!entry.empty_layer && layer < chain.size()) {
            line.bytes = state_->layer_bytes({chain[layer++]});
        }
        history.push_back(std::move(line));
    }
    std::ranges::reverse(history);
    // The newest entry is the image itself; those below it are its parents, as far as they are here.
    for (ImageHistory &line : history) {
        if (record == nullptr) {
            break;
        }
        line.id = record->id.text();
        line.tags = familiar_names(record->tags);
        record = names.find(record->parent);
    }
    return history;
}

DiskUsage ImageStore::disk_usage() const {
    DiskUsage usage;
    for (const Layer &layer : state_->layers->list()) {
        usage.layer_bytes += layer.bytes;
        usage.inodes += layer.entries;
    }
    if (const auto blobs = state_->blobs->list(); blobs.has_value()) {
        for (const auto &[digest, bytes] : *blobs) {
            usage.blob_bytes += bytes;
            usage.inodes++;
        }
    }
    const std::vector<Image> images = list();
    std::map<Digest, unsigned> users;
    for (const Image &image : images) {
        for (const Digest &id : image.chain_ids) {
            users[id]++;
        }
    }
    for (const Image &image : images) {
        ImageUsage line{.id = image.id, .bytes = image.bytes};
        for (const Digest &id : image.chain_ids) {
            line.shared += users[id] > 1 ? state_->layer_bytes({id}) : 0;
        }
        usage.images.push_back(line);
    }
    return usage;
}

Result<Lease> ImageStore::hold(const Digest &id) {
    Lease lease = state_->lease();
    // Leased before it is looked up again: whoever removes the image now sees the lease.
    const ImageConfig config = TRY(state_->config_of(id));
    for (const Digest &chain : config.chain_ids()) {
        lease.keep(chain);
    }
    lease.keep(id);
    TRY(record_of(*state_, id));
    return lease;
}

Result<std::vector<std::filesystem::path>> ImageStore::lower_directories(const Digest &id) {
    const ImageNames names = state_->names();
    const ImageRecord *record = names.find(id);
    const auto kept = names.kept().find(id);
    if (record == nullptr && kept == names.kept().end()) {
        return fail(ENOENT, "No such image: " + id.text());
    }
    const Digest top = record != nullptr ? record->top_layer : kept->second;
    Result<std::vector<Layer>> stack = state_->layers->stack(top);
    if (!stack.has_value() && record != nullptr) {
        TRY(unpack_again(*state_, *record, id));
        stack = state_->layers->stack(top);
    }
    if (!stack.has_value()) {
        return std::unexpected(stack.error());
    }
    std::vector<std::filesystem::path> directories;
    for (const Layer &layer : *stack) {
        directories.push_back(state_->layers->diff(layer.chain_id));
    }
    if (directories.empty()) {
        directories.push_back(state_->layers->diff({}));
    }
    return directories;
}

std::unique_ptr<Intake> ImageStore::begin(ProgressSink *progress) {
    return std::unique_ptr<Intake>(new Intake(*state_, progress));
}

Lease ImageStore::lease() { return state_->lease(); }
BlobStore &ImageStore::blobs() { return *state_->blobs; }

Status ImageStore::tag(const Digest &id, const Reference &name) {
    if (name.digest) {
        return fail(EINVAL, "refusing to create a tag with a digest reference");
    }
    const Reference tagged = name.with_tag(name.tag.empty() ? std::string(kDefaultTag) : name.tag);
    TRY(state_->change([&](ImageNames &names) -> Status {
        if (names.find(id) == nullptr) {
            return fail(ENOENT, "No such image: " + id.text());
        }
        names.name(id, tagged, std::time(nullptr));
        return {};
    }));
    state_->event("tag", id, tagged.familiar());
    return {};
}

} // namespace ballast::image
