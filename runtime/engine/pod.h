// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "runtime/cni/attachment.h"

// What a container is to Kubernetes, beside all that it is to Docker: words of its container runtime interface (CRI).
namespace ballast::engine {

struct Pod {
    enum class Role { kNone, kSandbox, kContainer };
    Role role = Role::kNone;
    std::string name = {}; // of a sandbox: the pod's; of a container: its own in the pod
    std::uint32_t attempt = 0;
    std::map<std::string, std::string> labels = {}, annotations = {}; // as they were given: Docker sees more of them

    // Of a sandbox.
    std::string uid = {}, name_space = {};
    std::string runtime_handler = {};
    std::string log_directory = {};          // empty: logs are not kept
    bool shared_pids = false;                // what its containers do when they do not say
    bool network = false;                    // its network namespace is its own, and CNI's plugins fill it
    cni::Wishes wishes = {};                 // of those
    std::optional<cni::Dns> dns = {};        // absent: the host's
    std::vector<std::string> addresses = {}; // the first one is the pod's
    // It is to end, and what it has is taken back: by the next engine when not by this one.
    bool stopped = false;

    // Of a container.
    std::string sandbox = {};                             // the id
    std::string image = {};                               // as people call it, whatever it was asked for by
    bool strict_groups = false;                           // groups of /etc/group do not count
    std::vector<std::string> ambient = {};                // capabilities, "CAP_NET_RAW"
    std::map<std::string, std::string> cgroup = {};       // files of its cgroup, and what is written to them
    std::map<std::string, std::uint64_t> huge_pages = {}; // limits in bytes by the pages' size, "2MB"
    struct User {
        std::uint32_t uid = 0, gid = 0;
        std::vector<std::uint32_t> groups = {};
    };
    std::optional<User> user = {}; // that its program was started as

    bool is_sandbox() const { return role == Role::kSandbox; }
    bool is_container() const { return role == Role::kContainer; }
    bool given() const { return role != Role::kNone; }
};

} // namespace ballast::engine
