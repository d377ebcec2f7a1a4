// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "runtime/image/blob_store.h"
#include "runtime/image/diff.h"
#include "runtime/image/image_config.h"
#include "runtime/image/image_names.h"
#include "runtime/image/intake.h"
#include "runtime/image/lease.h"
#include "runtime/image/manifest.h"
#include "runtime/image/progress.h"
#include "runtime/image/reference.h"
#include "runtime/image/stream.h"

// The images of this machine. Below its root (0700):
//
//   oci-layout index.json blobs/sha256/HEX   an OCI image layout, which any tool reads
//   images.json                              which images there are and their names; index.json is made from it
//   layers/CHAINID_HEX/{diff/,layer.json}    layers unpacked, as overlayfs stacks them
//   incoming/                                what is on its way in or out
//
// Thread-safe. One lock guards names and leases; it is never held while bytes move, and nothing of the caller's is
// called under it. The locks of the blob and the layer store are taken inside it, never around it.
namespace ballast::image {

class StoreState;

struct Image {
    Digest id = {};
    Descriptor manifest = {};              // this platform's
    std::vector<std::string> tags = {};    // familiar: "busybox:latest"
    std::vector<std::string> digests = {}; // familiar: "busybox@sha256:…"
    Digest parent = {};
    ImageConfig config = {};
    std::vector<Digest> chain_ids = {}; // lowest first
    std::uint64_t bytes = 0;            // of all its layers, unpacked
    std::int64_t tagged = 0;            // seconds since 1970 when its names changed last
};

struct ImageHistory {
    std::string id = {};      // "sha256:…" of the image itself, "<missing>" for what was below
    std::int64_t created = 0; // seconds since 1970
    std::string created_by = {};
    std::vector<std::string> tags = {};
    std::uint64_t bytes = 0;
    std::string comment = {};
};

// As `docker rmi` lists it: one member of each is set.
struct Removed {
    std::string untagged = {}; // familiar name
    std::string deleted = {};  // "sha256:…" of an image or of a layer's chain id
};

struct Pruned {
    std::vector<Removed> removed = {};
    std::uint64_t bytes = 0;
};

struct ImageUsage {
    Digest id = {};
    std::uint64_t bytes = 0;  // of all its layers
    std::uint64_t shared = 0; // of layers that other images have as well
};

struct DiskUsage {
    std::uint64_t layer_bytes = 0; // of all layers, each once: "LayersSize"
    std::uint64_t blob_bytes = 0;
    std::uint64_t inodes = 0; // of both, about: a layer is counted by its archive's entries
    std::vector<ImageUsage> images = {};
};

struct CommitSpec {
    std::string author = {};
    std::string comment = {};
    std::string created_by = {};           // of the history entry: the container's command
    std::vector<std::string> changes = {}; // Dockerfile instructions
    // The container's configuration in place of the image's.
    std::optional<RunConfig> config = {};
    std::optional<Reference> name = {};
    Skipped skipped = {}; // what the engine itself put into the container's tree
};

struct ImportSpec {
    std::string message = {};
    std::vector<std::string> changes = {};
    std::optional<Reference> name = {};
    std::optional<Platform> platform = {};
};

// "tag", "untag", "delete", "import", "load" and "save" as Docker's events call them; `id` is the image's, `name`
// familiar (of "untag" and "delete" the id). "pull" and "push" are told by whoever does them.
using ImageEvent = std::function<void(std::string_view action, const Digest &id, const std::string &name)>;

struct StoreSettings {
    std::filesystem::path root = {}; // /var/lib/ballast
    // The containers that there are, running or not, asked before anything is removed; called without locks held.
    std::function<std::vector<ContainerUse>()> containers = {};
    ImageEvent event = {};                              // called without locks held
    std::function<void(const std::string &)> warn = {}; // what open() set aside or repaired
};

class ImageStore {
  public:
    // Removes what a killed daemon left. An images.json that does not read is set aside as images.json.broken and made
    // again from index.json.
    static Result<std::unique_ptr<ImageStore>> open(StoreSettings settings);
    ImageStore(const ImageStore &) = delete;
    ImageStore &operator=(const ImageStore &) = delete;
    ~ImageStore();

    // --- looking ---
    // By what a person typed: ImageNames::resolve().
    Result<Image> find(std::string_view typed) const;
    Result<Image> get(const Digest &id) const;
    // Newest first. An image whose documents do not read is left out.
    std::vector<Image> list() const;
    // The configuration as it is stored, for what ImageConfig does not hold.
    Result<std::string> raw_config(const Digest &id) const;
    Result<std::string> raw_manifest(const Digest &id) const;
    Result<std::vector<ImageHistory>> history(const Digest &id) const;
    DiskUsage disk_usage() const;
    std::vector<Digest> children(const Digest &id) const;

    // --- for containers ---
    // Protects an image's layers until a container is listed by settings.containers.
    Result<Lease> hold(const Digest &id);
    // The directories of an image's layers, highest first; never empty. Also of an image that was removed by force
    // while a container of it was there. A layer that is missing or did not survive a power cut is unpacked again from
    // its blob.
    Result<std::vector<std::filesystem::path>> lower_directories(const Digest &id);

    // --- coming and going ---
    std::unique_ptr<Intake> begin(ProgressSink *progress = nullptr);
    Lease lease();
    BlobStore &blobs();
    // A new image of what a container changed. Returns its id.
    Result<Digest> commit(const Digest &base, const std::filesystem::path &upper, const CommitSpec &spec);
    // A root file system's archive, under any compression, as an image of one layer. Returns its id.
    Result<Digest> import(ByteSource archive, const ImportSpec &spec, ProgressSink *progress = nullptr,
                          std::stop_token stop = {});
    // Images as an archive that is both docker's own form and an OCI layout. `typed` as people type them; a repository
    // without tag stands for all its tags.
    Status save(const std::vector<std::string> &typed, const ByteSink &sink, std::stop_token stop = {});
    // An archive of one or several images, of either form, under any compression. What was loaded: familiar names, or
    // ids of images without names.
    struct Loaded {
        Digest id;
        std::vector<std::string> names; // none: "Loaded image ID: …"
    };
    Result<std::vector<Loaded>> load(ByteSource archive, ProgressSink *progress = nullptr, std::stop_token stop = {});

    // --- names and removal ---
    Status tag(const Digest &id, const Reference &name);
    // EBUSY with Docker's sentence when something is in the way.
    Result<std::vector<Removed>> remove(std::string_view typed, bool force, bool prune_parents = true);
    // Images without tags that no container uses; with `all`, every image that no container uses. `wanted`, when set,
    // says which of them may go (docker's filters).
    Result<Pruned> prune(bool all, const std::function<bool(const Image &)> &wanted = {});
    // Blobs and layers that no image, container or lease needs. Returns bytes freed, counted as blobs and as layers.
    struct Collected {
        std::vector<Digest> layers; // chain ids
        std::uint64_t layer_bytes = 0;
        std::uint64_t blob_bytes = 0;
    };
    Result<Collected> collect_garbage();

  private:
    explicit ImageStore(std::unique_ptr<StoreState> state);
    std::unique_ptr<StoreState> state_;
};

} // namespace ballast::image
