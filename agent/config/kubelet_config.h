// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "agent/config/reservation.h"
#include "agent/config/server_config.h"
#include "agent/config/shutdown.h"
#include "agent/config/taint.h"
#include "agent/config/upkeep_config.h"
#include "base/result.h"

// KubeletConfiguration (kubelet.config.k8s.io/v1beta1): the file that kubeadm writes and `--config` names.
namespace ballast::agent {

inline constexpr const char *kDefaultRuntimeEndpoint = "unix:///run/ballast/cri.sock";

struct KubeletConfig {
    // Static pods: a directory of manifests, or one. Empty: none.
    std::string static_pod_path;
    std::chrono::nanoseconds file_check_frequency = std::chrono::seconds(20);

    std::string runtime_endpoint = kDefaultRuntimeEndpoint;
    std::chrono::nanoseconds runtime_request_timeout = std::chrono::minutes(2);
    bool serialize_image_pulls = true;
    long long most_parallel_pulls = 0; // 0: as many as are asked for

    std::vector<std::string> cluster_dns;
    std::string cluster_domain;
    std::string resolv_conf = "/etc/resolv.conf";

    std::vector<std::string> allowed_sysctls; // of pods, beside the safe ones: names, or beginnings with '*'
    bool cgroups_per_qos = true;
    std::string cgroup_driver = "systemd";
    bool cpu_cfs_quota = true;
    std::chrono::nanoseconds cpu_cfs_period = std::chrono::milliseconds(100);
    long long pod_pids_limit = -1; // -1: none

    long long most_pods = 110;
    std::chrono::nanoseconds sync_frequency = std::chrono::minutes(1);
    std::chrono::nanoseconds most_restart_period = std::chrono::minutes(5); // between restarts of a failing container
    std::string pod_logs = "/var/log/pods";

    bool register_node = true;
    std::vector<Taint> taints;
    std::string provider_id;

    // The certificate by which the node asks its API server is renewed; nothing: when there is a bootstrap kubeconfig.
    std::optional<bool> rotate_certificates = {};

    bool seccomp_default = false; // a pod that says nothing has the runtime's own filter of system calls

    Reservation reservation;
    ServerConfig server;
    ShutdownConfig shutdown;
    UpkeepConfig upkeep;

    long long verbosity = 0;

    // What stands in the file and has no effect here, each with its place; to be logged.
    std::vector<std::string> warnings;
};

// EINVAL "FILE:LINE:COLUMN: WHAT" for what is no such configuration, fields that do not exist, and values that cannot
// be; ENOENT when there is no file.
Result<KubeletConfig> load_kubelet_config(const std::filesystem::path &file);
Result<KubeletConfig> parse_kubelet_config(const std::string &text, const std::string &name);

// The path of a Unix socket in an endpoint ("unix:///run/x.sock", "/run/x.sock"). ENOTSUP for other schemes.
Result<std::filesystem::path> socket_of(const std::string &endpoint);

} // namespace ballast::agent
