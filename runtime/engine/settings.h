// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/fd.h"
#include "runtime/engine/model.h"
#include "runtime/engine/pod_network.h"
#include "runtime/network/networks.h"

namespace ballast::engine {

// Where the engine keeps what, with which programs it works, and what containers get when nobody says otherwise.
struct Settings {
    std::filesystem::path data_root = "/var/lib/ballast"; // 0700: containers/, volumes/, events.json
    std::filesystem::path run_root = "/run/ballast";      // 0700: containers/, monitor/, oci/
    std::filesystem::path programs = "/usr/lib/ballast";  // where ballast-oci and its like are looked up first:
    std::filesystem::path oci_program = {}, monitor_program = {}, init_program = {}, scope_program = {},
                          pause_program = {}; // empty: in `programs`

    // False: no cgroups at all, no scopes, no limits. For machines without cgroup v2 and systemd; limits are refused.
    bool cgroups = true;
    std::string cgroup_parent = {}; // a slice; empty: "system.slice"

    LogConfig log = {.type = "json-file", .config = {}};
    std::vector<Ulimit> ulimits = {};
    std::int64_t shm_size = 64LL << 20;
    std::string ipc_mode = "private";
    bool init = false;
    bool no_new_privileges = false;
    std::string seccomp_profile = {}; // a file; empty: the one compiled in; "unconfined"
    std::string userns_remap = {};  // whose ids containers have: remapped_ids() of user_namespace.h; empty: the host's
    network::Settings network = {}; // its roots are the ones above
    PodNetworkSettings pods = {};
    // The cgroup of version 2 whose programs reach ports of containers at the host's loopback addresses; empty: none.
    std::filesystem::path loopback_cgroup = {};
    Texts dns = {}, dns_options = {}, dns_search = {};
    int stop_timeout = 10; // seconds

    // Descriptors that survive the daemon, kept by systemd (sd_notify FDSTORE) as "ID-ROLE": ROLE is a number of
    // monitor::Role. Engine::open() takes them back by these names. Unset: not kept.
    std::function<void(const std::string &name, BorrowedFd fd)> keep_descriptor = {};
    std::function<void(const std::string &name)> forget_descriptor = {};

    std::filesystem::path program(const std::filesystem::path &given, const char *name) const {
        return given.empty() ? programs / name : given;
    }
};

} // namespace ballast::engine
