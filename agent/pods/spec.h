// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "agent/pods/placement.h"
#include "agent/pods/quantity.h"

// A pod as Kubernetes' API has it (v1): what of it a node acts upon, with the API's defaults filled in.
namespace ballast::agent {

using Texts = std::vector<std::string>;
using TextMap = std::map<std::string, std::string>;

// A port's number or, with number 0, the name of one of the container's.
struct PortRef {
    int number = 0;
    std::string name = {};
    bool operator==(const PortRef &) const = default;
};

struct ExecAction {
    Texts command = {};
};
struct HttpAction {
    std::string path = "/";
    PortRef port = {};
    std::string host = {};
    std::string scheme = "HTTP"; // or HTTPS
    std::vector<std::pair<std::string, std::string>> headers = {};
};
struct TcpAction {
    PortRef port = {};
    std::string host = {};
};
struct GrpcAction {
    int port = 0;
    std::string service = {};
};
struct SleepAction {
    std::int64_t seconds = 0;
};
// Of a probe: not sleep. Of a hook: not gRPC.
using Action = std::variant<ExecAction, HttpAction, TcpAction, GrpcAction, SleepAction>;

struct Probe {
    Action action = {};
    std::chrono::seconds initial_delay{0}, timeout{1}, period{10};
    int success_threshold = 1, failure_threshold = 3;
    std::optional<std::int64_t> grace = {}; // seconds, in place of the pod's
};

struct FieldRef {
    std::string path = {}; // "metadata.name"
};
struct ResourceRef {
    std::string container = {}; // empty: its own
    std::string resource = {};  // "limits.cpu"
    Quantity divisor = {};      // 0: the resource's own
};
// What only the API server knows.
struct ClusterRef {
    std::string kind = {}; // "configMapKeyRef"
    std::string name = {}, key = {};
    bool optional = false;
    std::string prefix = {}; // of the names of what envFrom takes
};
struct EnvVar {
    std::string name = {};
    std::variant<std::string, FieldRef, ResourceRef, ClusterRef> value = {};
};

struct Port {
    std::string name = {};
    int container = 0;
    int host = 0; // 0: none
    std::string host_address = {};
    std::string protocol = "TCP";
};

struct VolumeMount {
    std::string volume = {}, path = {};
    bool read_only = false;
    bool recursive_read_only = false;
    std::string sub_path = {};
    bool expand_sub_path = false; // subPathExpr
    std::string propagation = "None";
};

struct Resources {
    std::map<std::string, Quantity> requests = {}, limits = {};
};

struct SecurityProfile {
    std::string type = {}; // RuntimeDefault, Unconfined, Localhost
    std::string localhost_profile = {};
};
struct SELinux {
    std::string user = {}, role = {}, type = {}, level = {};
};

struct ContainerSecurity {
    Texts add_capabilities = {}, drop_capabilities = {};
    std::optional<bool> privileged = {}, read_only_root = {}, allow_escalation = {}, run_as_non_root = {};
    std::optional<std::int64_t> user = {}, group = {};
    std::optional<SecurityProfile> seccomp = {}, apparmor = {};
    std::optional<SELinux> selinux = {};
    std::string proc_mount = "Default";
};

struct Container {
    std::string name = {}, image = {};
    Texts command = {}, args = {};
    std::string working_dir = {};
    std::vector<Port> ports = {};
    std::vector<EnvVar> env = {};
    std::vector<ClusterRef> env_from = {};
    Resources resources = {};
    std::vector<VolumeMount> mounts = {};
    std::optional<Probe> liveness = {}, readiness = {}, startup = {};
    std::optional<Action> post_start = {}, pre_stop = {};
    std::string stop_signal = {};
    std::string termination_path = "/dev/termination-log";
    std::string termination_policy = "File"; // or FallbackToLogsOnError
    std::string pull_policy = {};            // Always, IfNotPresent, Never
    ContainerSecurity security = {};
    bool stdin = false, stdin_once = false, tty = false;
    bool sidecar = false;    // an init container that is restarted always
    std::string target = {}; // an ephemeral container's: whose processes it sees; empty: nobody's
    std::string hash = {};   // of its definition, as it stands
};

struct EmptyDir {
    bool memory = false;
    std::optional<Quantity> limit = {};
};
struct HostPath {
    std::string path = {};
    std::string type = {}; // empty: whatever is there
};
// One member of a ConfigMap or a Secret as a file.
struct KeyFile {
    std::string key = {}, path = {};
    std::optional<int> mode = {};
};
struct ObjectFiles {
    std::string kind = {}; // "configMap" or "secret"
    std::string name = {};
    bool optional = false;
    std::vector<KeyFile> items = {}; // empty: every member by its own name
};
struct DownwardFile {
    std::string path = {};
    std::variant<FieldRef, ResourceRef> value = {};
    std::optional<int> mode = {};
};
struct TokenFile {
    std::string path = {};
    std::string audience = {}; // empty: the API server
    std::int64_t seconds = 3600;
};
using FileSource = std::variant<ObjectFiles, DownwardFile, TokenFile>;
struct FileVolume {
    std::string kind = {}; // "configMap", "secret", "downwardAPI" or "projected"
    std::vector<FileSource> sources = {};
    int mode = 0644; // where a file has none of its own
};
// A claim of the pod's namespace.
struct ClaimVolume {
    std::string name = {};
    bool read_only = false;
};
// Of a kind that cannot be had here.
struct ClusterVolume {
    std::string kind = {}; // "csi"
};
struct Volume {
    std::string name = {};
    std::variant<EmptyDir, HostPath, FileVolume, ClaimVolume, ClusterVolume> source = {};
};

struct PodSecurity {
    std::optional<std::int64_t> user = {}, group = {}, fs_group = {};
    std::optional<bool> run_as_non_root = {};
    std::vector<std::int64_t> supplemental_groups = {};
    bool strict_groups = false; // supplementalGroupsPolicy
    std::optional<SecurityProfile> seccomp = {}, apparmor = {};
    std::optional<SELinux> selinux = {};
    TextMap sysctls = {};
    bool changes_group_always = true; // fsGroupChangePolicy
};

struct HostAlias {
    std::string address = {};
    Texts names = {};
};

struct DnsConfig {
    Texts servers = {}, searches = {};
    Texts options = {}; // "ndots:5"
};

enum class RestartPolicy : std::uint8_t { kAlways, kOnFailure, kNever };

// Pods of this priority ("system-cluster-critical") and above are what a cluster cannot do without.
inline constexpr std::int64_t kSystemCritical = 2'000'000'000;

struct Pod {
    std::string name = {}, name_space = {}, uid = {};
    TextMap labels = {}, annotations = {};

    std::vector<Container> init_containers = {}; // sidecars among them
    std::vector<Container> containers = {};
    std::vector<Container> ephemeral_containers = {}; // added while it runs; each is started once
    std::vector<Volume> volumes = {};
    RestartPolicy restart_policy = RestartPolicy::kAlways;
    std::int64_t grace = 30; // terminationGracePeriodSeconds
    std::optional<std::int64_t> active_deadline = {};
    std::string dns_policy = "ClusterFirst";
    std::optional<DnsConfig> dns = {};
    bool host_network = false, host_pid = false, host_ipc = false, share_processes = false;
    std::string hostname = {}, subdomain = {};
    bool fqdn_as_hostname = false;
    std::vector<HostAlias> host_aliases = {};
    PodSecurity security = {};
    std::string service_account = {};
    Texts pull_secrets = {}; // names; those of its service account are among them
    bool service_links = true;
    std::string runtime_class = {};
    std::string operating_system = {}; // empty: any
    std::optional<std::int64_t> priority = {};
    std::string priority_class = {};
    Resources overhead = {}; // in `requests`
    TextMap node_selector = {};
    std::optional<std::vector<NodeTerm>> node_terms = {}; // one of them; nothing: any node will do
    std::vector<Toleration> tolerations = {};
    std::string definition = {}; // of a static pod, as JSON
    Texts readiness_gates = {};  // types of conditions that others set

    // "NAMESPACE/NAME"
    std::string full_name() const { return name_space + "/" + name; }
};

// Those that the pod began with, of both kinds, in the order in which they start.
std::vector<const Container *> all_containers(const Pod &pod);
const Container *find_container(const Pod &pod, const std::string &name); // of all three kinds

} // namespace ballast::agent
