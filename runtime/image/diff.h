// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "runtime/image/owner.h"
#include "runtime/image/stream.h"

// What a container changed: its upper directory, as overlayfs writes it, against the layers below.
namespace ballast::image {

enum class ChangeKind : std::uint8_t { kModified = 0, kAdded = 1, kDeleted = 2 }; // the numbers of Docker's API

struct Change {
    std::string path = {}; // absolute, in the container
    ChangeKind kind = ChangeKind::kModified;
    bool operator==(const Change &) const = default;
};

// What of a tree is not part of it: absolute paths, in the container, with all below them. Mount points that the engine
// made for itself, for example.
using Skipped = std::set<std::string>;

// Sorted by path. Directories that overlayfs only copied up, because something below them changed, are listed as
// changed, as Docker lists them. `lower`: the layers' directories, highest first.
Result<std::vector<Change>> changes(const std::filesystem::path &upper, const std::vector<std::filesystem::path> &lower,
                                    const Skipped &skipped = {});

// The upper directory as a layer's archive: whiteouts as the image specification spells them, hard links kept, holes
// kept, sockets left out. EINVAL for a name that would read as a whiteout. Sorted, so that equal trees give equal
// bytes.
Status write_layer(const std::filesystem::path &upper, const ByteSink &sink, const Skipped &skipped = {});

// A tree as an archive (docker export), as it is seen: names starting with ".wh." are names like others. Stays on the
// one file system unless `cross_mounts`. `owner`: whom the archive names for each owner.
Status write_tree(const std::filesystem::path &root, const ByteSink &sink, const Skipped &skipped = {},
                  bool cross_mounts = false, const OwnerMap &owner = {});

} // namespace ballast::image
