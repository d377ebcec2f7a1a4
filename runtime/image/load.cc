// SPDX-License-Identifier: Apache-2.0
// ImageStore::load(): archives of `docker save`, of podman, buildah and skopeo.
#include <algorithm>
#include <fcntl.h>
#include <map>
#include <memory>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/rollback.h"
#include "base/root_dir.h"
#include "runtime/image/decompress.h"
#include "runtime/image/disk_space.h"
#include "runtime/image/new_image.h"
#include "runtime/image/tar.h"
#include "runtime/image/unpack.h"

namespace ballast::image {
namespace {

constexpr std::size_t kChunk = 256UL << 10;
constexpr std::size_t kMostImages = 1024;
constexpr std::uint64_t kMostEntries = 100'000;
constexpr const char *kContainerdName = "io.containerd.image.name";
constexpr const char *kReferenceName = "org.opencontainers.image.ref.name";

ByteSource file_source(Fd file, std::stop_token stop) {
    auto shared = std::make_shared<Fd>(std::move(file));
    return [shared, stop](std::span<char> into) -> Result<std::size_t> {
        if (stop.stop_requested()) {
            return fail(ECANCELED, "load: cancelled");
        }
        const ssize_t got = read(shared->get(), into.data(), into.size());
        return got < 0 ? Result<std::size_t>(fail_errno("read archive")) : static_cast<std::size_t>(got);
    };
}

Status copy(const ByteSource &source, const ByteSink &sink) {
    std::vector<char> buffer(kChunk);
    while (const std::size_t size = TRY(source(buffer))) {
        TRY(sink({buffer.data(), size}));
    }
    return {};
}

// One image of docker's manifest.json.
struct DockerImage {
    std::string config;
    std::vector<std::string> tags;
    std::vector<std::string> layers;
};

Result<std::vector<DockerImage>> parse_docker_manifest(std::string_view text) {
    JsonDocument document = TRY(JsonDocument::parse(text, "manifest.json"));
    std::vector<DockerImage> images;
    for (const JsonCursor item : JsonCursor(document).items(kMostImages)) {
        DockerImage image{.config = item.need("Config").text(), .tags = item.at("RepoTags").texts(), .layers = {}};
        for (const JsonCursor layer : item.need("Layers").items(kMostLayers)) {
            image.layers.push_back(layer.text());
        }
        images.push_back(std::move(image));
    }
    TRY(document.status());
    return images;
}

class Loader {
  public:
    Loader(ImageStore &images, StoreState &store, const RootDir &root, ProgressSink *progress, std::stop_token stop)
        : images_(images), store_(store), root_(root), progress_(progress), stop_(std::move(stop)) {}

    Status run() {
        const bool layout = root_.exists("index.json");
        const bool docker = root_.exists("manifest.json");
        if (!layout && !docker) {
            return fail(EINVAL,
                        "load: the archive has neither manifest.json nor index.json: it is no image archive (a root "
                        "file system's archive is for `docker import`)");
        }
        if (layout) {
            TRY(load_layout());
        }
        return docker ? load_docker() : Status();
    }

    std::vector<ImageStore::Loaded> take() {
        std::vector<ImageStore::Loaded> loaded;
        for (const Digest &id : order_) {
            loaded.push_back({.id = id, .names = names_[id]});
        }
        return loaded;
    }

  private:
    void note(const Digest &id, const std::vector<Reference> &names) {
        if (std::ranges::find(order_, id) == order_.end()) {
            order_.push_back(id);
        }
        std::vector<std::string> &known = names_[id];
        for (const Reference &name : names) {
            if (!std::ranges::contains(known, name.familiar())) {
                known.push_back(name.familiar());
            }
        }
    }

    static std::string blob_path(const Digest &digest) {
        return "blobs/" + std::string(digest.algorithm_name()) + "/" + std::string(digest.hex());
    }

    Result<std::string> read_document(const Descriptor &descriptor) {
        if (descriptor.size > kLargestManifest) {
            return fail(EFBIG, "document " + descriptor.digest.text() + ": larger than " +
                                   std::to_string(kLargestManifest) + " bytes");
        }
        return root_.read(blob_path(descriptor.digest));
    }

    Status load_layout() {
        const Index index = TRY(parse_index(TRY(root_.read("index.json")), "index.json"));
        for (const Descriptor &descriptor : index.manifests) {
            std::vector<Reference> names;
            for (const char *annotation : {kContainerdName, kReferenceName}) {
                const auto found = descriptor.annotations.find(annotation);
                if (found == descriptor.annotations.end() || !names.empty()) {
                    continue;
                }
                // A tag alone says nothing about the repository.
                const bool whole = found->second.find_first_of(":/") != std::string::npos;
                const Result<Reference> name = Reference::parse_with_default_tag(found->second);
                if (whole && name.has_value() && !name->digest) {
                    names.push_back(*name);
                }
            }
            TRY(load_descriptor(descriptor, names, 0));
        }
        return {};
    }

    Status load_descriptor(const Descriptor &descriptor, const std::vector<Reference> &names, unsigned depth) {
        const std::string name = "document " + descriptor.digest.text();
        const std::string text = TRY(read_document(descriptor));
        if (Digest::of(text, descriptor.digest.algorithm()) != descriptor.digest) {
            return fail(EBADMSG, name + ": its content is another one");
        }
        if (TRY(document_kind(text, descriptor.media_type, name)) == MediaKind::kManifest) {
            return load_manifest(
                Descriptor{.media_type = descriptor.media_type, .digest = descriptor.digest, .size = text.size()}, text,
                names);
        }
        if (depth >= kDeepestIndex) {
            return fail(EINVAL, name + ": indexes in indexes, deeper than " + std::to_string(kDeepestIndex));
        }
        Index index = TRY(parse_index(text, name));
        // Archives of several platforms need not hold all of them.
        std::erase_if(index.manifests, [&](const Descriptor &entry) { return !root_.exists(blob_path(entry.digest)); });
        return load_descriptor(TRY(choose_manifest(index, Platform::own(), name)), names, depth + 1);
    }

    Status load_manifest(const Descriptor &descriptor, const std::string &text, const std::vector<Reference> &names) {
        const Manifest manifest = TRY(parse_manifest(text, "manifest " + descriptor.digest.text()));
        const std::unique_ptr<Intake> intake = images_.begin(progress_);
        TRY(intake->keep(descriptor, text));
        TRY(intake->keep(manifest.config, TRY(read_document(manifest.config))));
        const std::vector<LayerNeed> needs = TRY(intake->expect(descriptor));
        for (std::size_t place = 0; place < needs.size(); place++) {
            const std::unique_ptr<LayerIntake> layer = TRY(intake->receive(place, stop_));
            if (layer->offset() < needs[place].blob.size) {
                TRY(layer->restart()); // what an interrupted pull left: the archive has all of it
                Fd file = TRY(root_.open_path(blob_path(needs[place].blob.digest), O_RDONLY | O_NONBLOCK));
                TRY(copy(file_source(std::move(file), stop_),
                         [&](std::string_view bytes) { return layer->write(bytes); }));
            }
            TRY(layer->finish());
        }
        note(TRY(intake->finish(names)), names);
        return {};
    }

    Status load_docker() {
        for (const DockerImage &image : TRY(parse_docker_manifest(TRY(root_.read("manifest.json"))))) {
            const std::string document = TRY(root_.read(image.config));
            const ImageConfig config = TRY(parse_image_config(document, shortly_quoted(image.config)));
            std::vector<Reference> names;
            for (const std::string &tag : image.tags) {
                names.push_back(TRY(Reference::parse_with_default_tag(tag)));
            }
            const Digest id = Digest::of(document);
            if (names_.contains(id)) { // the layout had it
                for (const Reference &name : names) {
                    TRY(images_.tag(id, name));
                }
            } else {
                TRY(load_docker_image(image, document, config, names));
            }
            note(id, names);
        }
        return {};
    }

    Status load_docker_image(const DockerImage &from, const std::string &document, const ImageConfig &config,
                             const std::vector<Reference> &names) {
        if (from.layers.size() != config.diff_ids.size()) {
            return fail(EINVAL, "manifest.json: " + std::to_string(from.layers.size()) +
                                    " layers, but the configuration has " + std::to_string(config.diff_ids.size()));
        }
        Lease lease = store_.lease();
        Rollback undo;
        undo.add([&] { store_.give_up(std::move(lease)); });
        lease.keep(Digest::of(document));
        NewImage image{.config = config, .config_document = document, .layers = {}, .names = names};
        for (std::size_t place = 0; place < from.layers.size(); place++) {
            Fd file = TRY(root_.open_path(from.layers[place], O_RDONLY | O_NONBLOCK | O_NOCTTY));
            if (progress_ != nullptr) {
                progress_->layer(config.diff_ids[place], Stage::kLoading, 0, 0);
            }
            const ByteSource plain = decompressed(file_source(std::move(file), stop_), from.layers[place]);
            const PackedLayer layer =
                TRY(pack_layer(store_, lease, [&](const ByteSink &sink) { return copy(plain, sink); }));
            if (layer.diff_id != config.diff_ids[place]) {
                return fail(EBADMSG, shortly_quoted(from.layers[place]) + ": its content is " + layer.diff_id.text() +
                                         ", the image says " + config.diff_ids[place].text());
            }
            image.layers.push_back(layer.blob);
        }
        TRY(add_image(store_, lease, image, stop_));
        undo.commit();
        return {};
    }

    ImageStore &images_;
    StoreState &store_;
    const RootDir &root_;
    ProgressSink *progress_;
    std::stop_token stop_;
    std::vector<Digest> order_;
    std::map<Digest, std::vector<std::string>> names_; // familiar
};

} // namespace

Result<std::vector<ImageStore::Loaded>> ImageStore::load(ByteSource archive, ProgressSink *progress,
                                                         std::stop_token stop) {
    const std::filesystem::path scratch = TRY(make_scratch(*state_, "load"));
    Rollback cleanup;
    cleanup.add([&] { (void)remove_tree(scratch); }); // the next start does it otherwise
    {
        const ByteSource plain = decompressed(std::move(archive), "archive");
        TarReader reader = TRY(TarReader::open(
            [&](std::span<char> into) -> Result<std::size_t> {
                return stop.stop_requested() ? Result<std::size_t>(fail(ECANCELED, "load: cancelled")) : plain(into);
            },
            "archive"));
        const RootDir root = TRY(RootDir::open(scratch));
        UnpackOptions options{.keep_owners = false, .device_nodes = false};
        options.limits.entries = kMostEntries;
        const Result<Unpacked> unpacked = unpack(reader, root, options);
        if (!unpacked.has_value()) {
            return std::unexpected(explain_full_disk(std::unexpected(unpacked.error()), state_->settings.root).error());
        }
    }
    const RootDir root = TRY(RootDir::open(scratch));
    Loader loader(*this, *state_, root, progress, std::move(stop));
    TRY(loader.run());
    std::vector<Loaded> loaded = loader.take();
    for (const Loaded &image : loaded) {
        state_->event("load", image.id, image.names.empty() ? image.id.text() : image.names[0]);
    }
    return loaded;
}

} // namespace ballast::image
