// SPDX-License-Identifier: Apache-2.0
#include "runtime/image/new_image.h"

#include <atomic>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/rollback.h"
#include "runtime/image/disk_space.h"

namespace ballast::image {
namespace {

std::string unique_name(const std::string &what) {
    static std::atomic<unsigned> counter = 0;
    return what + "." + std::to_string(getpid()) + "." + std::to_string(counter++) + ".tmp";
}

} // namespace

Result<std::filesystem::path> make_scratch(const StoreState &store, const std::string &what) {
    std::filesystem::path path = store.blobs->incoming() / unique_name(what);
    TRY(remove_tree(path));
    TRY(make_directories(path, 0700));
    return path;
}

Result<PackedLayer> pack_layer(StoreState &store, Lease &lease,
                               const std::function<Status(const ByteSink &)> &produce) {
    const std::filesystem::path path = store.blobs->incoming() / unique_name("pack");
    const Fd file = TRY(open_file(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    Rollback cleanup;
    cleanup.add([&] { (void)unlink(path.c_str()); }); // the next start does it otherwise
    Hasher compressed;
    Hasher plain;
    PackedLayer layer{.blob = {.media_type = std::string(kOciLayerGzip), .digest = {}, .size = 0}, .diff_id = {}};
    bool nothing = true; // but the zeros that end an archive
    GzipWriter gzip([&](std::string_view bytes) -> Status {
        compressed.update(bytes);
        layer.blob.size += bytes.size();
        return write_all(file, bytes).within(path.string());
    });
    const Status produced = produce([&](std::string_view bytes) {
        plain.update(bytes);
        nothing = nothing && bytes.find_first_not_of('\0') == std::string_view::npos;
        return gzip.write(bytes);
    });
    TRY(explain_full_disk(produced.has_value() ? gzip.close() : produced, store.settings.root));
    if (fdatasync(file.get()) != 0) {
        return std::unexpected(explain_full_disk(fail_errno("write layer"), store.settings.root).error());
    }
    layer.diff_id = plain.finish();
    layer.blob.digest = compressed.finish();
    layer.entries = nothing ? 0 : 1;
    lease.keep(layer.blob.digest);
    const std::filesystem::path place = store.blobs->path(layer.blob.digest);
    if (rename(path.c_str(), place.c_str()) != 0) {
        return fail_errno("rename " + path.string());
    }
    cleanup.commit();
    TRY(sync_directory(place.parent_path()));
    return layer;
}

Result<Digest> add_image(StoreState &store, Lease &lease, const NewImage &image, const std::stop_token &stop) {
    const std::vector<Digest> chain = image.config.chain_ids();
    if (chain.size() != image.layers.size()) {
        return fail(EINVAL, "an image of " + std::to_string(image.layers.size()) + " layers whose configuration has " +
                                std::to_string(chain.size()));
    }
    for (std::size_t place = 0; place < chain.size(); place++) {
        lease.keep(chain[place]);
        const Digest &blob = image.layers[place].digest;
        const auto reader = std::make_shared<BlobReader>(TRY(BlobReader::open(*store.blobs, blob)));
        TRY(store.layers->unpack(
            place == 0 ? Digest() : chain[place - 1], image.config.diff_ids[place],
            [reader](std::span<char> into) { return reader->read(into); }, "layer " + blob.text(), stop));
    }
    const std::string config = image.config_document.value_or(image_config_text(image.config));
    lease.keep(Digest::of(config));
    Manifest manifest{.media_type = std::string(kOciManifest), .config = {}, .layers = image.layers, .annotations = {}};
    manifest.config = TRY(store.blobs->add(config, kOciConfig));
    const std::string document = manifest_text(manifest);
    lease.keep(Digest::of(document));
    const Descriptor descriptor = TRY(store.blobs->add(document, kOciManifest));
    TRY(store.layers->settle(chain));
    TRY(store.change([&](ImageNames &names) -> Status {
        // One that is here already keeps its manifest: it may be a registry's.
        if (names.find(manifest.config.digest) == nullptr) {
            names.add(manifest.config.digest, descriptor, chain.empty() ? Digest() : chain.back());
            names.set_parent(manifest.config.digest, image.parent);
        }
        for (const Reference &name : image.names) {
            names.name(manifest.config.digest, name, std::time(nullptr));
        }
        return {};
    }));
    return manifest.config.digest;
}

} // namespace ballast::image
