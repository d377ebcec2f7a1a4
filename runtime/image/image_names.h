// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/digest.h"
#include "runtime/image/manifest.h"
#include "runtime/image/reference.h"

// Which images there are and what they are called: images.json, and index.json, which is what other tools see of it.
// Plain data without a lock or a disk; ImageStore has both.
namespace ballast::image {

struct ImageRecord {
    Digest id = {};                        // of the configuration
    Descriptor manifest = {};              // of this platform's manifest
    Digest parent = {};                    // id of the image that it was committed from, here; empty: none
    std::int64_t tagged = 0;               // seconds since 1970 when its names changed last
    Digest top_layer = {};                 // chain id; empty: no layers
    std::vector<std::string> tags = {};    // canonical, "docker.io/library/busybox:latest", sorted
    std::vector<std::string> digests = {}; // canonical, "docker.io/library/busybox@sha256:…", sorted
};

class ImageNames {
  public:
    // EINVAL with the place of what is wrong.
    static Result<ImageNames> parse(std::string_view text, const std::string &name);
    std::string text() const;
    // The index.json of an OCI image layout: one descriptor for each tag, named by the annotation
    // org.opencontainers.image.ref.name, and one without name for an image without tags.
    std::string index_json() const;

    const std::map<Digest, ImageRecord> &images() const { return images_; }
    const ImageRecord *find(const Digest &id) const;
    // By name with tag, with digest, or both (which must agree).
    const ImageRecord *find(const Reference &reference) const;
    // By what a person types: a name (default tag), a name with digest, an id, "sha256:ID", or the beginning of an id.
    // A name wins over an id. ENOENT "No such image: X"; EINVAL when several ids begin like that.
    Result<const ImageRecord *> resolve(std::string_view typed) const;
    std::vector<Digest> children(const Digest &id) const;

    // Adds the image, or takes over its newer manifest.
    ImageRecord &add(const Digest &id, const Descriptor &manifest, const Digest &top_layer);
    // The name, taken from whoever had it: whose id is returned.
    std::optional<Digest> name(const Digest &id, const Reference &reference, std::int64_t now);
    void unname(const std::string &canonical);
    void remove(const Digest &id);
    void set_parent(const Digest &id, const Digest &parent);
    // Images that are gone, of which a container still needs the layers: their top layer by their id.
    const std::map<Digest, Digest> &kept() const { return kept_; }
    void keep(const Digest &id, const Digest &top_layer) { kept_[id] = top_layer; }
    void forget_kept(const Digest &id) { kept_.erase(id); }

  private:
    std::map<Digest, ImageRecord> images_;
    std::map<std::string, Digest, std::less<>> by_name_; // tags and digests
    std::map<Digest, Digest> kept_;
};

// What removing takes, by Docker's rules.
struct ContainerUse {
    std::string id = {};
    bool running = false;
    Digest image = {}; // its id
};

struct Removal {
    std::vector<std::string> untagged = {}; // canonical names, in the order in which they go
    std::vector<Digest> deleted = {};       // image ids, in the order in which they go
};

// `typed` is what the person typed. EBUSY with Docker's sentence ("conflict: unable to …") when something is in the
// way; ENOENT.
Result<Removal> plan_removal(const ImageNames &names, std::string_view typed, bool force, bool prune_parents,
                             const std::vector<ContainerUse> &containers);

} // namespace ballast::image
