// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>

#include "base/fd.h"
#include "base/result.h"

// Network namespaces of containers. Each is mounted on a file, so that it outlives us and everybody can open it.
namespace ballast::network {

// Makes a namespace, mounts it on `file` (made when missing) and calls `work` in it, in a thread of its own; takes the
// mount away again when that fails. `work` gets the namespace's descriptor. It belongs to `owner`, a user namespace,
// whose root may do in it what root may; without one, to ours.
Status make_namespace(const std::filesystem::path &file, const std::function<Status(BorrowedFd)> &work,
                      BorrowedFd owner = BorrowedFd(-1));

// Calls `work` in the namespace that is mounted on `file`, in a thread of its own. ENOENT when there is none.
Status in_namespace(const std::filesystem::path &file, const std::function<Status(BorrowedFd)> &work);

// Unmounts and removes `file`; missing is fine. The kernel takes the namespace away when nobody is in it any more.
void drop_namespace(const std::filesystem::path &file);

// Writes /proc/sys/net/NAME ("ipv6/conf/all/forwarding") of the calling thread's namespace. ENOENT for what the kernel
// does not have.
Status write_network_sysctl(const std::string &name, const std::string &value);
Result<std::string> read_network_sysctl(const std::string &name); // without its line end

} // namespace ballast::network
