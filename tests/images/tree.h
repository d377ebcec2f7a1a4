// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/images/entry.h"

// What an unpacker must end with: layers applied over one another in memory, whiteouts and opaque directories obeyed.
namespace ballast::images {

using Tree = std::map<std::string, Entry>;

// Applies one layer. A hard link stays an entry of Kind::kHardLink while its target stands; when a later layer removes
// or replaces the target, the link's entry becomes the file. EINVAL when a hard link's target does not exist.
Status apply_layer(Tree &tree, const std::vector<Entry> &layer);

// The layer as it is written: sorted by path, hard links last (their targets must stand before them), with the parent
// directories that a tar archive should name: as they are in `below`, or 0755 and root's.
// Hard links get the mode and owner of their target. EINVAL when a path occurs twice, or when a hard link's target is
// not a file of this layer.
Result<std::vector<Entry>> complete_layer(std::vector<Entry> entries, const Tree &below);

// Parent directory of a path, "" for a name without one.
std::string parent_of(const std::string &path);

} // namespace ballast::images
