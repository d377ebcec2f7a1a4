// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/image/decompress.h"
#include "runtime/image/digest.h"
#include "runtime/image/stream.h"
#include "runtime/image/unpack.h"

// Unpacked layers: layers/CHAINID_HEX/{diff/, layer.json}. layer.json is written when all of diff/ is durable; a layer
// without it was being made when the power went, and is removed by open(). Thread-safe.
namespace ballast::image {

struct Layer {
    Digest chain_id = {};
    Digest diff_id = {};
    Digest parent = {};        // chain id; empty: the lowest
    std::uint64_t bytes = 0;   // of its files
    std::uint64_t entries = 0; // of its archive
};

class LayerStore {
  public:
    // `warn` is told of layers that were damaged: they are put away, and made again from their blobs once wanted.
    static Result<std::unique_ptr<LayerStore>> open(const std::filesystem::path &root,
                                                    const std::function<void(const std::string &)> &warn = {});

    std::optional<Layer> find(const Digest &chain_id) const;
    std::vector<Layer> list() const;
    std::filesystem::path diff(const Digest &chain_id) const; // whether there or not
    // The stack whose highest layer is `chain_id`, highest first. ENOENT names the layer that is missing.
    Result<std::vector<Layer>> stack(const Digest &chain_id) const;

    // Unpacks a layer from its transferred form, inflating and hashing in a thread of its own. EBADMSG when the archive
    // is not `diff_id`. There already: nothing is read. One thread unpacks a layer at a time, others wait for it.
    // The layer can be used at once, but is not durable before settle().
    Result<Layer> unpack(const Digest &parent, const Digest &diff_id, ByteSource compressed, const std::string &name,
                         std::stop_token stop = {}, const UnpackLimits &unpack_limits = {},
                         const InflateLimits &inflate_limits = {});
    // Makes these layers durable; those that are already cost nothing.
    Status settle(const std::vector<Digest> &chain_ids);
    // Renames it out of the way (fast, under the caller's lock); missing is fine.
    Status remove(const Digest &chain_id);
    // Deletes what remove() and interrupted work left. Returns the first error, having tried everything.
    Status sweep();

  private:
    explicit LayerStore(std::filesystem::path root) : root_(std::move(root)) {}
    Status load(const std::function<void(const std::string &)> &warn);
    std::filesystem::path directory(const Digest &chain_id) const;
    std::filesystem::path root_;
    mutable std::mutex mutex_; // of what follows
    std::condition_variable_any released_;
    std::set<Digest> unpacking_;
    std::set<Digest> unsettled_;
    std::map<Digest, Layer> layers_;
};

} // namespace ballast::image
