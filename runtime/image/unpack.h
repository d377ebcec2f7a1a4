// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.h"
#include "base/root_dir.h"
#include "runtime/image/owner.h"
#include "runtime/image/tar.h"

// Writes a tar archive from a stranger into a directory and nowhere else: each parent is resolved inside the root by
// openat2(2), each final component is made, never followed.
namespace ballast::image {

struct UnpackLimits {
    std::uint64_t bytes = 128ULL << 30;     // of all files together, holes counted: 1 TB of nothing is refused as well
    std::uint64_t entries = 4ULL << 20;     // of the archive
    std::uint64_t path_bytes = 4096;        // of a name and of a link's target
    std::uint64_t xattr_bytes = 64UL << 10; // of one entry, all values together: what the kernel takes for one
    std::uint64_t depth = 512;              // components of a path
};

struct UnpackOptions {
    UnpackLimits limits = {};
    // The archive is a layer: ".wh.NAME" and ".wh..wh..opq" become what overlayfs understands. Otherwise they are names
    // like others.
    bool whiteouts = false;
    // Owners as the archive has them; otherwise everything belongs to `uid` and `gid`.
    bool keep_owners = true;
    uid_t uid = 0;
    gid_t gid = 0;
    OwnerMap owner_there = {}; // of each owner, by either of the above
    // A directory is never replaced by something else, nor the other way (EISDIR, ENOTDIR): docker cp.
    bool keep_kinds = false;
    bool device_nodes = true; // false: EPERM for them
};

struct Unpacked {
    std::uint64_t bytes = 0;   // of the files' content, hard links once
    std::uint64_t entries = 0; // of the archive
};

// Entries replace what stands there, directories keep what they hold. Names may begin with "/" or "./"; one with ".."
// is EINVAL. Extended attributes are those that an image may bring: user.*, security.capability and POSIX ACLs; what
// steers overlayfs (trusted.*) is dropped. Not synced.
Result<Unpacked> unpack(TarReader &archive, const RootDir &root, const UnpackOptions &options);

} // namespace ballast::image
