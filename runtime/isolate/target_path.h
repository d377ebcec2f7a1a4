// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"

// Places inside the container's root, found and made without allocating. Whatever links and ".." an image or a volume
// has, resolution stays below the root, and magic links of procfs are refused.
namespace ballast::isolate {

struct TargetRules {
    bool no_symlinks = false;    // ELOOP when any component is a link
    bool no_follow = false;      // a link as the last component is the target itself
    bool directory_only = false; // ENOTDIR for anything else
};

// An O_PATH descriptor, not open and errno otherwise. "" is the root itself.
Fd open_target(int root, const char *path, TargetRules rules = {});

enum class TargetKind { kDirectory, kFile };

// The same; missing directories are made with mode 0755, and a missing last component as `kind` says (a file has 0644),
// less the umask. Links that lead nowhere are followed to what they name inside the root. `existed`: nothing was made.
Fd make_target(int root, const char *path, TargetKind kind, TargetRules rules = {}, bool *existed = nullptr);

} // namespace ballast::isolate
