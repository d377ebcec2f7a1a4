// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/image/store_state.h"

// Images that are made here instead of fetched: by commit, import, and from archives whose layers are not compressed.
namespace ballast::image {

struct PackedLayer {
    Descriptor blob;
    Digest diff_id;
    std::uint64_t entries = 1; // 0: nothing in it
};

// What `produce` writes, an archive without compression, as a gzip blob. Protected by `lease`.
Result<PackedLayer> pack_layer(StoreState &store, Lease &lease, const std::function<Status(const ByteSink &)> &produce);

// The rest of an image whose layers' blobs are here: unpacks what is not, keeps the documents, and gives it its names.
// `config_document`: the configuration's own bytes when there are some, so that its digest stays what it is.
struct NewImage {
    ImageConfig config;
    std::optional<std::string> config_document = {};
    std::vector<Descriptor> layers; // lowest first
    Digest parent = {};
    std::vector<Reference> names = {};
};
Result<Digest> add_image(StoreState &store, Lease &lease, const NewImage &image, const std::stop_token &stop = {});

// A directory below incoming/, which the next start removes when we do not.
Result<std::filesystem::path> make_scratch(const StoreState &store, const std::string &what);

} // namespace ballast::image
