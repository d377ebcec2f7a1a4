// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/engine/model.h"
#include "runtime/engine/user_lookup.h"

// A container as an OCI config.json. Pure: all that the machine and other containers have to say is in PlanInput.
namespace ballast::engine {

struct HostFacts {
    std::string architecture = "amd64"; // as Go names it
    unsigned kernel_major = 0, kernel_minor = 0;
    unsigned last_capability = 40;
    unsigned processors = 1;
    bool apparmor = false;
    std::string hostname = {};
};
HostFacts read_host_facts();

struct HostDevice {
    std::string path = {}; // in the container
    char type = 'c';
    unsigned major = 0, minor = 0;
    unsigned mode = 0; // permission bits
    unsigned uid = 0, gid = 0;
    std::string access = "rwm";
};

struct PlanInput {
    const Snapshot *container = nullptr;
    HostFacts host = {};
    ProcessUser user = {};
    std::string rootfs = {};       // where its overlay is mounted
    std::string init_program = {}; // on the host; empty: no --init
    std::string shm = {};          // a directory on the host that is its /dev/shm; empty: a tmpfs of its own
    std::string cgroup = {};       // absolute path below the mount of cgroup2; empty: none
    // Of namespaces to join, "/proc/PID/ns/net"; "host": none of its own; empty: a new one.
    bool own_network_namespace = false; // network_namespace is this container's alone
    std::string network_namespace = {}, pid_namespace = {}, ipc_namespace = {}, uts_namespace = {};
    std::string user_namespace = {};      // a file to join; empty: the host's
    std::string pause_program = {};       // on the host: the container is a pod's sandbox, and this its only file
    std::vector<HostDevice> devices = {}; // --device, or all of the host's when privileged
    std::vector<std::string> volume_sources =
        {};                // for each of container->mounts: the directory on the host; "" for tmpfs
    Texts linked_env = {}; // of --link
    std::vector<Ulimit> default_ulimits = {};
    std::int64_t default_shm_size = 64LL << 20;
    bool no_new_privileges = false;
    std::string seccomp_profile = {}; // JSON; empty: the default one; "unconfined"
    // The device numbers of blkio limits, by path.
    std::map<std::string, std::pair<unsigned, unsigned>> block_devices = {};
};

// The text of config.json.
Result<std::string> plan_config(const PlanInput &input);

// The file that `ballast-oci exec --process` takes.
struct ExecPlanInput {
    const Snapshot *container = nullptr;
    HostFacts host = {};
    ProcessUser user = {};
    Texts cmd = {}, env = {};
    Texts linked_env = {}; // of --link
    std::string working_dir = {};
    bool tty = false, privileged = false, no_new_privileges = false;
    std::vector<Ulimit> default_ulimits = {};
    std::uint16_t console_height = 0, console_width = 0; // 0: not said
};
Result<std::string> plan_exec(const ExecPlanInput &input);

// linux.resources, for `ballast-oci update --resources` as well.
nlohmann::ordered_json resources_json(const Resources &resources,
                                      const std::map<std::string, std::pair<unsigned, unsigned>> &block_devices);

// --security-opt, read. EINVAL with Docker's words.
struct SecurityOptions {
    bool no_new_privileges = false;
    std::string seccomp = {};  // JSON text, "unconfined", "builtin"; empty: not said
    std::string apparmor = {}; // a profile's name, "unconfined"; empty: not said
    bool label_disabled = false;
    bool system_paths_unconfined = false;
};
Result<SecurityOptions> parse_security_options(const Texts &options);

const Texts &default_masked_paths();
const Texts &default_readonly_paths();

// The program and its arguments as `inspect` shows them: entrypoint, then command.
Texts program_of(const Config &config);

} // namespace ballast::engine
