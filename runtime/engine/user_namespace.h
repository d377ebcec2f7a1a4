// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/engine/id_mappings.h"
#include "runtime/engine/model.h"
#include "runtime/image/owner.h"

// Containers whose root is nobody on the host: user namespaces, and the owners of files seen through them.
namespace ballast::engine {

// What `userns-remap` names: "" (none), "default", "USER[:GROUP]" by name or number. The ids are those that
// `etc`/subuid and `etc`/subgid give to them, put after one another from 0 on. "default" is the user and group
// "dockremap" where the files have them, and otherwise 65536 ids behind all that the files give to somebody. EINVAL for
// a user that is not there or has no range.
Result<IdMappings> remapped_ids(const std::string &setting, const std::filesystem::path &etc = "/etc");

// Of a container that is to have a user namespace: EINVAL with Docker's words for what only the host's can have.
Status check_user_namespace(const HostConfig &host);

// Makes a user namespace and mounts it on `file`, so that it outlives us and whoever starts a program can enter it;
// network::drop_namespace() takes it away.
Status make_user_namespace(const IdMappings &ids, const std::filesystem::path &file);
Result<std::shared_ptr<const image::Users>> open_users(const IdMappings &ids, const std::filesystem::path &file);

// An owner in the container as the host's files have it, and the other way; unset when there are no ids. Whom the
// namespace does not know is nobody in there (65534), and cannot own a file: EOVERFLOW.
image::OwnerMap owners_on_host(const IdMappings &ids);
image::OwnerMap owners_inside(const IdMappings &ids);

// Calls `work` in a thread whose files belong to the namespace's root when it makes them; without ids in this one.
Status as_mapped_root(const IdMappings &ids, const std::function<Status()> &work);

} // namespace ballast::engine
