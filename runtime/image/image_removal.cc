// SPDX-License-Identifier: Apache-2.0
// ImageStore: what goes away.
#include <algorithm>
#include <set>

#include "runtime/image/store_state.h"

namespace ballast::image {
namespace {

struct Needs {
    std::set<Digest> blobs;
    std::set<Digest> layers;
};

void need_stack(const StoreState &state, const Digest &top_layer, Needs &needs) {
    for (Digest id = top_layer; !id.empty() && needs.layers.insert(id).second;) {
        const std::optional<Layer> layer = state.layers->find(id);
        id = layer ? layer->parent : Digest();
    }
}

Status need_image(const StoreState &state, const ImageRecord &record, Needs &needs) {
    needs.blobs.insert(record.id);
    needs.blobs.insert(record.manifest.digest);
    for (const std::string &name : record.digests) {
        if (const Result<Reference> reference = Reference::parse(name); reference.has_value() && reference->digest) {
            needs.blobs.insert(*reference->digest); // an index, perhaps
        }
    }
    const Manifest manifest = TRY(state.manifest_of(record));
    for (const Descriptor &layer : manifest.layers) {
        needs.blobs.insert(layer.digest);
    }
    // By the configuration, not by what is unpacked: a layer in the middle may be missing.
    for (const Digest &id : TRY(state.config_of(record.id)).chain_ids()) {
        needs.layers.insert(id);
    }
    need_stack(state, record.top_layer, needs);
    return {};
}

bool uses(const std::vector<ContainerUse> &containers, const Digest &id) {
    return std::ranges::contains(containers, id, &ContainerUse::image);
}

// Removes what nobody needs of what `considered` holds.
Result<ImageStore::Collected> collect(StoreState &state, const std::function<bool(const Digest &)> &considered) {
    ImageStore::Collected collected;
    TRY(state.with_needs([&](ImageNames &names, const std::vector<ContainerUse> &containers) -> Status {
        Needs needs;
        for (const auto &[id, record] : names.images()) {
            // An image whose documents do not read might need anything: nothing is removed until it is.
            TRY(need_image(state, record, needs).within("garbage collection"));
        }
        for (const auto &[id, top_layer] : std::map<Digest, Digest>(names.kept())) {
            if (uses(containers, id) || state.is_leased(id)) {
                need_stack(state, top_layer, needs);
                needs.blobs.insert(id);
            } else {
                names.forget_kept(id);
            }
        }
        for (const Layer &layer : state.layers->list()) {
            const Digest &id = layer.chain_id;
            if (considered(id) && !needs.layers.contains(id) && !state.is_leased(id)) {
                TRY(state.layers->remove(id));
                collected.layers.push_back(id);
                collected.layer_bytes += layer.bytes;
            }
        }
        for (const auto &[digest, bytes] : TRY(state.blobs->list())) {
            if (considered(digest) && !needs.blobs.contains(digest) && !state.is_leased(digest)) {
                TRY(state.blobs->remove(digest));
                collected.blob_bytes += bytes;
            }
        }
        return {};
    }));
    return collected;
}

} // namespace

void StoreState::give_up(Lease lease) {
    const std::set<Digest> kept = lease.held_->digests; // whoever has a lease alone changes it
    lease.held_.reset();
    if (const auto removed = collect(*this, [&kept](const Digest &digest) { return kept.contains(digest); });
        !removed) {
        warn("what a failed image left is still there: " + removed.error().message);
    }
}

Result<ImageStore::Collected> ImageStore::collect_garbage() {
    Collected collected = TRY(collect(*state_, [](const Digest &) { return true; }));
    collected.blob_bytes += TRY(state_->blobs->remove_partial());
    TRY(state_->layers->sweep());
    return collected;
}

Result<std::vector<Removed>> ImageStore::remove(std::string_view typed, bool force, bool prune_parents) {
    Removal removal;
    Digest image;
    TRY(state_->with_needs([&](ImageNames &names, const std::vector<ContainerUse> &containers) -> Status {
        image = TRY(names.resolve(typed))->id;
        removal = TRY(plan_removal(names, typed, force, prune_parents, containers));
        for (const std::string &name : removal.untagged) {
            names.unname(name);
        }
        for (const Digest &id : removal.deleted) {
            const Digest top_layer = names.find(id)->top_layer;
            names.remove(id);
            if (uses(containers, id) || state_->is_leased(id)) {
                names.keep(id, top_layer);
            }
        }
        return {};
    }));
    std::vector<Removed> removed;
    for (const std::string &name : removal.untagged) {
        removed.push_back({.untagged = familiar_name(name), .deleted = ""});
        state_->event("untag", image, image.text());
    }
    for (const Digest &id : removal.deleted) {
        removed.push_back({.untagged = "", .deleted = id.text()});
        state_->event("delete", id, id.text());
    }
    if (removal.deleted.empty()) {
        return removed;
    }
    const Result<Collected> collected = collect_garbage();
    if (!collected.has_value()) {
        state_->warn("what belonged to removed images is still there: " + collected.error().message);
        return removed;
    }
    for (const Digest &layer : collected->layers) {
        removed.push_back({.untagged = "", .deleted = layer.text()});
    }
    return removed;
}

Result<Pruned> ImageStore::prune(bool all, const std::function<bool(const Image &)> &wanted) {
    Pruned pruned;
    const DiskUsage before = disk_usage();
    for (const Image &image : list()) {
        const std::vector<ContainerUse> containers = state_->containers();
        const bool goes = (all || image.tags.empty()) && !uses(containers, image.id) &&
                          state_->names().children(image.id).empty() && (!wanted || wanted(image));
        if (!goes) {
            continue;
        }
        std::vector<std::string> names = image.tags;
        if (names.empty()) {
            names = image.digests.empty() ? std::vector{image.id.text()} : image.digests;
        }
        for (const std::string &name : names) {
            Result<std::vector<Removed>> removed = remove(name, false);
            // A container may have come in between, or an earlier name took this one along.
            if (!removed.has_value() && removed.error().code != EBUSY && removed.error().code != ENOENT) {
                return std::unexpected(removed.error());
            }
            if (removed.has_value()) {
                pruned.removed.insert(pruned.removed.end(), removed->begin(), removed->end());
            }
        }
    }
    TRY(collect_garbage());
    const DiskUsage after = disk_usage();
    const std::uint64_t was = before.layer_bytes + before.blob_bytes;
    const std::uint64_t is = after.layer_bytes + after.blob_bytes;
    pruned.bytes = was > is ? was - is : 0;
    return pruned;
}

} // namespace ballast::image
