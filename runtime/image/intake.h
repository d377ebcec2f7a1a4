// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/blob_store.h"
#include "runtime/image/image_config.h"
#include "runtime/image/lease.h"
#include "runtime/image/manifest.h"
#include "runtime/image/progress.h"
#include "runtime/image/reference.h"

// An image on its way into the store, from a registry or an archive: documents first, then its layers in any order and
// on as many threads as there are, each being unpacked while it still arrives, and at last its names. What an
// unfinished intake brought stays until the next garbage collection, so that another attempt need not fetch it again.
namespace ballast::image {

class ImageStore;
class StoreState;

class LayerIntake {
  public:
    LayerIntake(const LayerIntake &) = delete;
    LayerIntake &operator=(const LayerIntake &) = delete;
    ~LayerIntake(); // without finish(): stops unpacking, keeps what came

    // Where to go on: bytes that are here already. The layer's size: nothing is to be fetched, call finish().
    std::uint64_t offset() const;
    // For a source that cannot go on in the middle: offset() is 0 again.
    Status restart();
    Status write(std::string_view bytes);
    // Checks what came and waits until it is unpacked. EBADMSG (wrong digest) and EPROTO (too short) are the source's
    // fault: fetch again with a new LayerIntake. Other errors are the layer's or this machine's, fetching again is
    // useless.
    Status finish();

  private:
    friend class Intake;
    struct State;
    explicit LayerIntake(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

struct LayerNeed {
    Descriptor blob = {};
    Digest diff_id = {};
    Digest chain_id = {};
    bool have_blob = false;
    bool have_layer = false; // both: "Already exists"
};

// Thread-safe between receive() calls. The store and the sink must outlive it.
class Intake {
  public:
    Intake(const Intake &) = delete;
    Intake &operator=(const Intake &) = delete;
    ~Intake();

    // Keeps a document (index, manifest, configuration) after comparing it with its descriptor: EBADMSG.
    Status keep(const Descriptor &descriptor, std::string_view bytes);
    // A document that is here already, so that it need not be fetched.
    std::optional<std::string> document(const Descriptor &descriptor);
    // What is to be fetched of an image. Both documents must have been kept. EINVAL when they contradict each other or
    // the image is not for Linux; ENOSPC, before anything was fetched, when the layers cannot fit.
    Result<std::vector<LayerNeed>> expect(const Descriptor &manifest_descriptor);
    // One of expect()'s layers. Waits while somebody else fetches the same blob (so: no two of them on one thread);
    // ECANCELED when `stop` is requested.
    Result<std::unique_ptr<LayerIntake>> receive(std::size_t layer, std::stop_token stop = {});
    // All layers are finished: makes everything durable, adds the image and gives it the names (a tag, a digest or
    // both each). Returns the image's id.
    Result<Digest> finish(const std::vector<Reference> &names);
    const ImageConfig &config() const; // after expect()

  private:
    friend class StoreState;
    struct State;
    friend class ImageStore;
    Intake(StoreState &store, ProgressSink *progress);
    std::unique_ptr<State> state_;
};

} // namespace ballast::image
