// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/image_store.h"
#include "runtime/image/layer_store.h"

// What the parts of ImageStore share. Not for others.
namespace ballast::image {

class StoreState {
  public:
    explicit StoreState(StoreSettings given) : settings(std::move(given)) {}

    StoreSettings settings;
    std::unique_ptr<BlobStore> blobs;
    std::unique_ptr<LayerStore> layers;

    // A copy, for reading at leisure.
    ImageNames names() const;
    // Changes the names, on disk first: after a failure nothing has changed. `change` may refuse.
    Status change(const std::function<Status(ImageNames &)> &change);
    Status load_names();

    Lease lease();
    void keep(LeaseHeld &held, const Digest &digest);
    // Ends a lease and removes all of what it kept that nobody needs now: after a failure.
    void give_up(Lease lease);
    // Runs `body` under the lock when no lease let go since the containers were asked for: so everything that is needed
    // is needed by a name, by one of these containers or by a lease that is there now.
    Status with_needs(const std::function<Status(ImageNames &, const std::vector<ContainerUse> &)> &body);
    bool is_leased(const Digest &digest) const; // under the lock

    Result<Manifest> manifest_of(const ImageRecord &record) const;
    Result<ImageConfig> config_of(const Digest &id) const;
    std::uint64_t layer_bytes(const std::vector<Digest> &chain_ids) const;

    std::vector<ContainerUse> containers() const;
    void event(std::string_view action, const Digest &id, const std::string &name) const;
    void warn(const std::string &text) const;

  private:
    friend struct LeaseHeld;
    Status save(const ImageNames &names) const;
    mutable std::mutex mutex_;
    ImageNames names_;
    std::set<const LeaseHeld *> leases_;
    std::uint64_t released_ = 0; // leases that let go
};

struct LeaseHeld {
    explicit LeaseHeld(StoreState &state) : store(state) {}
    LeaseHeld(const LeaseHeld &) = delete;
    LeaseHeld &operator=(const LeaseHeld &) = delete;
    ~LeaseHeld();
    StoreState &store;
    std::set<Digest> digests; // guarded by the store's lock
};

// "busybox:latest" of "docker.io/library/busybox:latest".
std::string familiar_name(const std::string &canonical);

} // namespace ballast::image
