// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

// config.json of a bundle as plain data: the OCI runtime specification 1.3.0, Linux part. Names follow the
// specification. spec_reader.h fills it and has checked types, ranges and enumerations by then; what needs the machine
// (does the kernel have it, does a path exist) is checked where it is applied.
namespace ballast::oci {

struct IdMapping { // containerID, hostID, size: user_namespaces(7)
    std::uint32_t container_id = 0;
    std::uint32_t host_id = 0;
    std::uint32_t size = 0;
    bool operator==(const IdMapping &) const = default;
};

struct Rlimit {
    int resource = 0; // RLIMIT_*
    std::string name; // RLIMIT_NOFILE
    std::uint64_t soft = 0;
    std::uint64_t hard = 0;
};

// Bit n is capability n of <linux/capability.h>.
struct Capabilities {
    std::uint64_t bounding = 0;
    std::uint64_t effective = 0;
    std::uint64_t inheritable = 0;
    std::uint64_t permitted = 0;
    std::uint64_t ambient = 0;
};

struct Scheduler {
    std::uint32_t policy = 0; // SCHED_*
    std::int32_t nice = 0;    // -20 to 19
    std::int32_t priority = 0;
    std::uint64_t flags = 0;   // SCHED_FLAG_*
    std::uint64_t runtime = 0; // nanoseconds, as the next two
    std::uint64_t deadline = 0;
    std::uint64_t period = 0;
};

struct IoPriority {
    int io_class = 0; // IOPRIO_CLASS_*
    int priority = 0; // 0 to 7
};

struct CpuAffinity { // lists of processors as in cpuset(7): "0-3,7"; empty: not given
    std::string initial;
    std::string final_;
};

struct User {
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::optional<std::uint32_t> umask;
    std::vector<std::uint32_t> additional_gids;
};

struct ConsoleSize {
    std::uint16_t height = 0;
    std::uint16_t width = 0;
};

struct Process {
    bool terminal = false;
    std::optional<ConsoleSize> console_size;
    User user;
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::string cwd; // absolute
    std::optional<Capabilities> capabilities;
    std::vector<Rlimit> rlimits;
    bool no_new_privileges = false;
    std::optional<int> oom_score_adj;
    std::string apparmor_profile;
    std::string selinux_label;
    std::optional<Scheduler> scheduler;
    std::optional<IoPriority> io_priority;
    std::optional<CpuAffinity> exec_cpu_affinity;
};

struct Root {
    std::string path; // relative to the bundle, or absolute
    bool read_only = false;
};

struct Mount {
    std::string destination;
    std::string source;
    std::string type;
    std::vector<std::string> options;
    std::vector<IdMapping> uid_mappings;
    std::vector<IdMapping> gid_mappings;
};

struct Hook {
    std::string path; // absolute
    std::vector<std::string> args;
    std::vector<std::string> env;
    std::optional<int> timeout; // seconds, over 0
};

struct Hooks {
    std::vector<Hook> prestart, create_runtime, create_container, start_container, poststart, poststop;
};

enum class NamespaceType { kMount, kCgroup, kUts, kIpc, kUser, kPid, kNetwork, kTime };

struct Namespace {
    NamespaceType type = NamespaceType::kMount;
    std::string path; // empty: a new one; otherwise the one to join
};

struct TimeOffset {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
};

struct Device {
    std::string path;
    char type = 'c'; // c, b, u (as c) or p
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::optional<std::uint32_t> file_mode;
    std::optional<std::uint32_t> uid;
    std::optional<std::uint32_t> gid;
};

struct DeviceRule { // linux.resources.devices; the last rule that matches decides
    bool allow = false;
    char type = 'a';                   // a, c or b
    std::optional<std::int64_t> major; // absent: any
    std::optional<std::int64_t> minor;
    std::string access; // of r, w, m; "rwm" when the file says nothing
};

struct MemoryResources { // bytes; -1: no limit
    std::optional<std::int64_t> limit, reservation, swap, kernel, kernel_tcp;
    std::optional<std::uint64_t> swappiness;
    bool disable_oom_killer = false;
    bool use_hierarchy = false;
    bool check_before_update = false;
};

struct CpuResources {
    std::optional<std::uint64_t> shares;
    std::optional<std::int64_t> quota; // microseconds a period; -1: no limit
    std::optional<std::uint64_t> burst, period;
    std::optional<std::int64_t> realtime_runtime;
    std::optional<std::uint64_t> realtime_period;
    std::string cpus, mems;
    std::optional<std::int64_t> idle;
};

struct BlockDeviceValue {
    std::int64_t major = 0;
    std::int64_t minor = 0;
    std::uint64_t value = 0;
};

struct BlockIoResources {
    std::optional<std::uint16_t> weight;      // 10 to 1000
    std::optional<std::uint16_t> leaf_weight; // cgroup v1 only
    std::vector<BlockDeviceValue> weight_devices;
    std::vector<BlockDeviceValue> throttle_read_bps, throttle_write_bps, throttle_read_iops, throttle_write_iops;
};

struct HugepageLimit {
    std::string page_size; // "2MB"
    std::uint64_t limit = 0;
};

struct RdmaLimit {
    std::optional<std::uint32_t> hca_handles, hca_objects;
};

struct Resources {
    std::vector<DeviceRule> devices;
    std::optional<MemoryResources> memory;
    std::optional<CpuResources> cpu;
    std::optional<std::int64_t> pids_limit; // 0 and below: no limit
    std::optional<BlockIoResources> block_io;
    std::vector<HugepageLimit> hugepage_limits;
    bool network_given = false; // linux.resources.network: cgroup v1 only
    std::map<std::string, RdmaLimit> rdma;
    std::map<std::string, std::string> unified;
};

struct SeccompArgument {
    unsigned index = 0; // 0 to 5
    std::uint64_t value = 0;
    std::uint64_t value_two = 0;
    std::string op; // SCMP_CMP_*
};

struct SeccompRule {
    std::vector<std::string> names;
    std::string action; // SCMP_ACT_*
    std::optional<unsigned> errno_ret;
    std::vector<SeccompArgument> args;
};

struct Seccomp {
    std::string default_action;
    std::optional<unsigned> default_errno_ret;
    std::vector<std::string> architectures; // SCMP_ARCH_*
    std::vector<std::string> flags;         // SECCOMP_FILTER_FLAG_*
    std::string listener_path;
    std::string listener_metadata;
    std::vector<SeccompRule> syscalls;
};

struct IntelRdt {
    std::string clos_id;
    std::vector<std::string> schemata;
    std::string l3_cache_schema;
    std::string memory_bandwidth_schema;
    bool enable_monitoring = false;
};

struct MemoryPolicy {
    std::uint32_t mode = 0;  // MPOL_*
    std::string nodes;       // "0-3,7"
    std::uint32_t flags = 0; // MPOL_F_*
};

struct Personality {
    unsigned long domain = 0; // PER_LINUX or PER_LINUX32
};

struct Linux {
    std::vector<Namespace> namespaces;
    std::vector<IdMapping> uid_mappings, gid_mappings;
    std::optional<TimeOffset> monotonic_offset, boottime_offset;
    std::vector<Device> devices;
    std::map<std::string, std::string> net_devices; // name on the host to name in the container
    std::string cgroups_path;
    std::string rootfs_propagation; // "", or (r)shared, (r)slave, (r)private, (r)unbindable
    std::vector<std::string> masked_paths, readonly_paths;
    std::string mount_label;
    std::optional<Personality> personality;
    std::optional<IntelRdt> intel_rdt;
    std::optional<MemoryPolicy> memory_policy;
    std::map<std::string, std::string> sysctl;
    std::optional<Seccomp> seccomp;
    Resources resources;
};

struct Spec {
    std::string version; // ociVersion
    Root root;
    std::optional<Process> process; // `start` needs one
    std::string hostname, domainname;
    std::vector<Mount> mounts;
    Hooks hooks;
    std::map<std::string, std::string> annotations;
    Linux linux_;
    std::vector<std::string> warnings; // what was read and is not followed, as "PATH: TEXT": for the log
};

} // namespace ballast::oci
