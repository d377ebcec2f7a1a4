// SPDX-License-Identifier: Apache-2.0
// ImageStore: new images from containers and from root file systems.
#include <vector>

#include "base/rollback.h"
#include "base/timestamp.h"
#include "runtime/image/config_change.h"
#include "runtime/image/new_image.h"

namespace ballast::image {
namespace {

constexpr std::size_t kChunk = 256UL << 10;

Result<std::vector<Reference>> names_of(const std::optional<Reference> &name) {
    std::vector<Reference> names;
    if (name) {
        if (name->digest) {
            return fail(EINVAL, "refusing to create a tag with a digest reference");
        }
        names.push_back(name->with_tag(name->tag.empty() ? std::string(kDefaultTag) : name->tag));
    }
    return names;
}

} // namespace

Result<Digest> ImageStore::commit(const Digest &base, const std::filesystem::path &upper, const CommitSpec &spec) {
    const std::vector<Reference> names = TRY(names_of(spec.name));
    Lease lease = TRY(hold(base));
    Rollback undo;
    undo.add([&] { state_->give_up(std::move(lease)); });
    const Image parent = TRY(get(base));
    const Manifest manifest = TRY(parse_manifest(TRY(raw_manifest(base)), "manifest of " + base.text()));
    for (const Descriptor &layer : manifest.layers) {
        lease.keep(layer.digest);
    }
    NewImage image{.config = parent.config, .layers = manifest.layers, .parent = base, .names = names};
    if (spec.config) {
        image.config.config = *spec.config;
    }
    TRY(apply_changes(spec.changes, image.config.config));
    const PackedLayer layer =
        TRY(pack_layer(*state_, lease, [&](const ByteSink &sink) { return write_layer(upper, sink, spec.skipped); }));
    image.config.created = timestamp_now();
    image.config.author = spec.author;
    image.config.comment = spec.comment;
    image.config.history.push_back({.created = image.config.created,
                                    .created_by = spec.created_by,
                                    .author = spec.author,
                                    .comment = spec.comment,
                                    .empty_layer = layer.entries == 0});
    if (layer.entries > 0) {
        image.config.diff_ids.push_back(layer.diff_id);
        image.layers.push_back(layer.blob);
    }
    const Digest id = TRY(add_image(*state_, lease, image));
    undo.commit();
    for (const Reference &name : names) {
        state_->event("tag", id, name.familiar());
    }
    return id;
}

Result<Digest> ImageStore::import(ByteSource archive, const ImportSpec &spec, ProgressSink *progress,
                                  std::stop_token stop) {
    NewImage image{.config = {}, .layers = {}, .names = TRY(names_of(spec.name))};
    TRY(apply_changes(spec.changes, image.config.config));
    Lease lease = state_->lease();
    Rollback undo;
    undo.add([&] { state_->give_up(std::move(lease)); });
    const ByteSource plain = decompressed(std::move(archive), "archive");
    const PackedLayer layer = TRY(pack_layer(*state_, lease, [&](const ByteSink &sink) -> Status {
        std::vector<char> buffer(kChunk);
        while (const std::size_t size = TRY(plain(buffer))) {
            if (stop.stop_requested()) {
                return fail(ECANCELED, "import: cancelled");
            }
            TRY(sink({buffer.data(), size}));
        }
        return {};
    }));
    const Platform own = Platform::own();
    image.config.platform = spec.platform.value_or(own);
    image.config.created = timestamp_now();
    image.config.comment = spec.message;
    image.config.diff_ids = {layer.diff_id};
    image.config.history = {{.created = image.config.created, .created_by = "", .author = "", .comment = spec.message}};
    image.layers = {layer.blob};
    const Digest id = TRY(add_image(*state_, lease, image, stop));
    undo.commit();
    if (progress != nullptr) {
        progress->message(id.text());
    }
    state_->event("import", id, image.names.empty() ? id.text() : image.names[0].familiar());
    return id;
}

} // namespace ballast::image
