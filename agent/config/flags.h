// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <variant>
#include <vector>

#include "agent/config/kubelet_config.h"

// kubelet's command line. What a flag says wins over the file.
namespace ballast::agent {

// Whose behaviour this agent has; kubeadm asks for it.
inline constexpr const char *kKubernetesVersion = "v1.34.0";

struct Options {
    KubeletConfig config;
    // By default /var/lib/kubelet/config.yaml, where that is; empty: none, and static pods in
    // /etc/kubernetes/manifests.
    std::filesystem::path config_file;
    std::filesystem::path kubeconfig, bootstrap_kubeconfig;
    std::filesystem::path root_directory = "/var/lib/kubelet";
    std::filesystem::path certificates = "/var/lib/kubelet/pki";
    std::filesystem::path container_logs = "/var/log/containers"; // links to logs, for those who collect them
    std::string node_name; // from --hostname-override, or this machine's name
    std::vector<std::string> node_addresses;
    Labels node_labels;
    bool external_cloud = false;       // a cloud's controller is to say more of the node before pods come
    std::vector<std::string> warnings; // of flags and of the file
};

// What --help and --version print, or what a wrong command line is told.
struct Answer {
    int status = 0;
    std::string text;
};

// Reads the command line and the file that it names. EINVAL, ENOENT as load_kubelet_config().
Result<std::variant<Options, Answer>> read_command_line(std::vector<std::string> arguments);

} // namespace ballast::agent
