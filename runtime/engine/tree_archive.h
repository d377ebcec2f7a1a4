// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "base/root_dir.h"
#include "runtime/engine/engine.h"
#include "runtime/image/owner.h"

namespace ballast::engine {

// What `path` of a container is, as `docker cp` asks. A final link is not followed unless `path` ends in a slash or in
// "/.". ENOENT "Could not find the file PATH in container ID".
Result<PathStat> stat_in(const RootDir &root, const std::string &path, const std::string &container_id);

// `path` as a tar archive whose names begin with its last component. Walks by descriptors and follows no link, so that
// what the container changes meanwhile leads nowhere else. `owner`: whom the archive names for each owner.
Status archive_tree(const RootDir &root, const std::string &path, const Sink &sink, const image::OwnerMap &owner);

} // namespace ballast::engine
