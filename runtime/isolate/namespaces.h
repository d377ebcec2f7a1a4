// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/isolate/outcome.h"
#include "runtime/oci/spec.h"

// namespaces(7) of a container: which are new, which are joined, and in which order.
namespace ballast::isolate {

struct NamespaceJoin {
    int flag = 0; // CLONE_NEW*; several for the descriptor of a process (pidfd)
    std::string name;
    std::string path;
    Fd fd; // opened by open_namespaces()
    // With a mount namespace: what becomes the root directory. setns(2) goes to the namespace's own root, and a process
    // in it may have another one. Not open: that of the namespace.
    Fd root{};
};

struct NamespacePlan {
    // CLONE_NEW* for clone3(2). The user namespace comes first in the kernel, so all others belong to it. Without the
    // cgroup namespace: its root is the cgroup that a process is in when it makes one.
    std::uint64_t new_flags = 0;
    bool new_cgroup = false;
    std::vector<NamespaceJoin> joins; // a user namespace first: it owns the others
    std::string time_offsets;         // as written to /proc/self/timens_offsets; empty: none
    std::string hostname, domainname;

    bool makes(int flag) const { return (new_flags & static_cast<std::uint64_t>(flag)) != 0; }
    bool joins_any(int flag) const;
    // A user or pid namespace is joined, or clocks are shifted: what is done then holds for children only, so a process
    // between the runtime and the container does it (launch.h).
    bool needs_intermediate() const;
};

std::string namespace_name(int flag); // "user"; also the word in /proc/PID/ns

NamespacePlan plan_namespaces(const oci::Spec &spec);
// EINVAL when a path is no namespace or one of another kind.
Status open_namespaces(NamespacePlan &plan);

// After clone3(2). Joins those whose flag is in `flags`.
Outcome join_namespaces(const NamespacePlan &plan, int flags);
Outcome shift_clocks(const NamespacePlan &plan, BorrowedFd proc); // makes the time namespace for the next child
Outcome set_names(const NamespacePlan &plan);                     // host and domain name
Outcome new_cgroup_namespace(const NamespacePlan &plan);

} // namespace ballast::isolate
