// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "runtime/engine/id_mappings.h"
#include "runtime/engine/pod.h"
#include "runtime/network/model.h"

// What a user says about a container, as the Docker Engine API 1.45 has it (Config and HostConfig of
// /containers/create), as plain data. model_json.h reads and writes it in the API's own names; ranges and
// contradictions are checked by check_settings() (settings_check.h), when a container is created.
namespace ballast::engine {

using Time = std::chrono::sys_time<std::chrono::nanoseconds>; // kNever: it has not happened
inline constexpr Time kNever{};
using Nanoseconds = std::chrono::nanoseconds;
using Texts = std::vector<std::string>;
using Labels = std::map<std::string, std::string>;

struct HealthCheck {
    // Empty: the image's. {"NONE"}: no check. {"CMD", PROGRAM, ARGUMENT...} or {"CMD-SHELL", COMMAND}.
    Texts test = {};
    Nanoseconds interval{0}, timeout{0}, start_period{0}, start_interval{0}; // 0: the default (30 s, 30 s, 0, 5 s)
    int retries = 0;                                                         // 0: the default (3)
};

struct Config {
    std::string hostname = {}, domainname = {}, user = {};
    bool attach_stdin = false, attach_stdout = false, attach_stderr = false;
    bool tty = false, open_stdin = false, stdin_once = false;
    Texts env = {};                                 // "NAME=value"; "NAME" alone takes the image's value away
    std::optional<Texts> cmd = {}, entrypoint = {}; // absent: the image's; entrypoint {""}: none
    std::string image = {};                         // as the user said it
    std::string working_dir = {};                   // absolute
    std::set<std::string> exposed_ports = {};       // "80/tcp"
    std::set<std::string> volumes = {};             // where anonymous volumes are mounted
    Labels labels = {};
    std::string stop_signal = {};         // "SIGTERM", "TERM" or "15"; empty: SIGTERM
    std::optional<int> stop_timeout = {}; // seconds; -1: for ever
    std::optional<HealthCheck> health_check = {};
    bool network_disabled = false;
    std::string mac_address = {};
    Texts on_build = {}, shell = {};
};

struct PortBinding {
    std::string host_ip = {}, host_port = {};
};

struct RestartPolicy {
    enum class Kind { kNo, kAlways, kUnlessStopped, kOnFailure };
    Kind kind = Kind::kNo;
    int maximum_retry_count = 0; // of kOnFailure; 0: no limit
};

struct LogConfig {
    std::string type = {}; // empty: the daemon's default
    std::map<std::string, std::string> config = {};
};

struct Ulimit {
    std::string name = {};           // "nofile"
    std::int64_t soft = 0, hard = 0; // -1: unlimited
};

struct DeviceMapping {
    std::string path_on_host = {}, path_in_container = {}, cgroup_permissions = {}; // "rwm"
};

struct DeviceRequest { // --gpus: refused for now
    std::string driver = {};
    int count = 0;
    Texts device_ids = {};
    std::vector<Texts> capabilities = {};
    std::map<std::string, std::string> options = {};
};

struct WeightDevice {
    std::string path = {};
    std::uint16_t weight = 0;
};

struct ThrottleDevice {
    std::string path = {};
    std::uint64_t rate = 0; // bytes or operations a second
};

// Limits, as `docker run` and `docker update` set them. 0 is "not given".
struct Resources {
    std::int64_t cpu_shares = 0, memory = 0, nano_cpus = 0; // nano_cpus: 1e9 is one processor
    std::string cgroup_parent = {};
    std::uint16_t blkio_weight = 0;
    std::vector<WeightDevice> blkio_weight_device = {};
    std::vector<ThrottleDevice> blkio_read_bps = {}, blkio_write_bps = {}, blkio_read_iops = {}, blkio_write_iops = {};
    std::int64_t cpu_period = 0, cpu_quota = 0; // microseconds
    std::int64_t cpu_realtime_period = 0, cpu_realtime_runtime = 0;
    std::string cpuset_cpus = {}, cpuset_mems = {};
    std::vector<DeviceMapping> devices = {};
    Texts device_cgroup_rules = {}; // "c 42:* rmw"
    std::vector<DeviceRequest> device_requests = {};
    std::int64_t memory_reservation = 0;
    std::int64_t memory_swap = 0; // memory and swap together; -1: no limit
    std::optional<std::int64_t> memory_swappiness = {};
    bool oom_kill_disable = false;
    std::optional<bool> init = {};
    std::optional<std::int64_t> pids_limit = {}; // 0 and -1: no limit
    std::vector<Ulimit> ulimits = {};
};

struct MountSpec {         // --mount
    std::string type = {}; // bind, volume, tmpfs, image
    std::string source = {}, target = {};
    bool read_only = false;
    struct Bind {
        std::string propagation = {}; // rprivate (default), private, rshared, shared, rslave, slave
        bool non_recursive = false, create_mountpoint = false;
        bool read_only_non_recursive = false, read_only_force_recursive = false;
        IdMappings ids = {}; // of Kubernetes: its owners are those of the pod's user namespace
    };
    struct Volume {
        bool no_copy = false;
        Labels labels = {};
        std::string subpath = {}, driver = {};
        std::map<std::string, std::string> options = {};
    };
    struct Tmpfs {
        std::int64_t size_bytes = 0;
        std::uint32_t mode = 0;
    };
    struct Image {
        std::string subpath = {};
    };
    std::optional<Bind> bind = {};
    std::optional<Volume> volume = {};
    std::optional<Tmpfs> tmpfs = {};
    std::optional<Image> image = {};
};

struct HostConfig : Resources {
    Texts binds = {}; // "SOURCE:TARGET[:OPTIONS]"
    std::string container_id_file = {};
    LogConfig log_config = {};
    std::string network_mode = {}; // "none", "host", "container:ID", "default", "bridge", a network's name
    std::map<std::string, std::vector<PortBinding>> port_bindings = {};
    RestartPolicy restart_policy = {};
    bool auto_remove = false;
    std::string volume_driver = {};
    Texts volumes_from = {}; // "CONTAINER[:ro|rw]"
    std::vector<MountSpec> mounts = {};
    std::uint16_t console_height = 0, console_width = 0;
    std::map<std::string, std::string> annotations = {};
    Texts cap_add = {}, cap_drop = {};
    std::string cgroupns_mode = {}; // "", private, host
    Texts dns = {}, dns_options = {}, dns_search = {}, extra_hosts = {}, group_add = {};
    std::string ipc_mode = {}; // "", none, private, shareable, host, container:ID
    std::string cgroup = {};
    Texts links = {};
    int oom_score_adj = 0;
    std::string pid_mode = {}; // "", host, container:ID
    bool privileged = false, publish_all_ports = false, read_only_rootfs = false;
    Texts security_opt = {};
    std::map<std::string, std::string> storage_opt = {}, tmpfs = {}, sysctls = {};
    std::string uts_mode = {};    // "", host
    std::string userns_mode = {}; // "", host
    std::int64_t shm_size = 0;    // bytes; 0: the default (64 MiB)
    std::string runtime = {}, isolation = {};
    std::optional<Texts> masked_paths = {}, readonly_paths = {}; // absent: the defaults
};

// A network's endpoint in a container, as the request of create names it.
struct EndpointRequest {
    std::string ipv4_address, ipv6_address, mac_address;
    Texts links = {}, aliases = {}, link_local_ips = {};
    std::map<std::string, std::string> driver_options = {};
};
using NetworkingConfig = std::map<std::string, EndpointRequest>; // by the network's name

enum class Phase { kCreated, kRunning, kPaused, kRestarting, kRemoving, kExited, kDead };
const char *phase_name(Phase phase); // "created", as the API spells it
std::optional<Phase> phase_of(std::string_view name);

struct HealthResult {
    Time start = kNever, end = kNever;
    int exit_code = 0;
    std::string output = {}; // at most 4096 bytes
};

struct Health {
    std::string status = "none"; // none, starting, healthy, unhealthy
    int failing_streak = 0;
    std::vector<HealthResult> log = {}; // the last five, oldest first
};

struct State {
    Phase phase = Phase::kCreated;
    bool oom_killed = false;
    bool removal_in_progress = false, dead = false;
    int pid = 0; // 0: it does not run
    int exit_code = 0;
    std::string error = {}; // of the last start
    Time started_at = kNever, finished_at = kNever;
    std::optional<Health> health = {};

    bool running() const { return phase == Phase::kRunning || phase == Phase::kPaused; }
};

// What is mounted where, as `docker inspect` shows it in Mounts.
struct MountPoint {
    std::string type = {};        // bind, volume, tmpfs, image
    std::string name = {};        // of a volume; of an image its id
    std::string source = {};      // on the host; empty for tmpfs
    std::string destination = {}; // in the container
    std::string driver = {};      // "local" for volumes
    std::string mode = {};        // the options as they were said: "ro,z"
    bool writable = true;
    std::string propagation = {};
    bool copy_up = true;             // an empty volume gets what the image has there
    bool anonymous = false;          // removed with the container by `rm -v` and --rm
    bool recursive_read_only = true; // as far as the kernel can; false: only the mount itself
    bool non_recursive = false;
    bool map_owners = false;    // a bind: ids of its files are ids of the container's user namespace
    bool create_source = false; // -v: a missing directory on the host is made
    std::string subpath = {};   // of a volume or an image
    MountSpec::Tmpfs tmpfs{};
    std::string tmpfs_options = {}; // of --tmpfs: "size=64m,exec"
};

// Everything that is known about one container at one moment: `docker inspect`.
struct Snapshot {
    std::string id = {}, name = {}; // the name without a slash
    Time created = kNever;
    std::string path = {}; // the program
    Texts args = {};
    State state = {};
    std::string image_id = {}; // "sha256:…"
    std::string image_manifest_digest = {};
    Config config = {};
    HostConfig host = {};
    NetworkingConfig networking = {};
    std::vector<MountPoint> mounts = {};
    Pod pod = {};
    IdMappings ids = {}; // of its user namespace: a pod's, or as it was started last
    int restart_count = 0;
    bool has_been_manually_stopped = false;
    bool removes_volumes = false; // its removal, once that has begun, takes anonymous volumes along
    std::string log_path = {}, hostname_path = {}, hosts_path = {}, resolv_conf_path = {};
    std::string mount_label = {}, process_label = {}, apparmor_profile = {};
    Texts exec_ids = {};
    std::string rootfs = {};                              // where it is mounted while it runs
    std::map<std::string, std::string> graph_driver = {}; // LowerDir, UpperDir, WorkDir, MergedDir
    std::string network_sandbox_key = {};                 // its network namespace, a file; empty: it does not run
    std::optional<network::Sandbox> sandbox = {};         // what it has of networks while it runs
    std::optional<std::int64_t> size_rw = {}, size_root_fs = {}; // bytes; only when asked for
};

} // namespace ballast::engine
