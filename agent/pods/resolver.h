// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "agent/pods/spec.h"
#include "base/result.h"

// Names of hosts as a pod sees them: what its resolv.conf and its hosts file hold.
namespace ballast::agent {

// What resolv.conf(5) says.
DnsConfig parse_resolv_conf(std::string_view text);

struct ClusterDns {
    Texts servers = {};
    std::string domain = {};
    DnsConfig host = {}; // of the node
};
// By the pod's dnsPolicy and dnsConfig. Without servers of the cluster a policy that asks for them falls back to the
// node's, as kubelet's does; `warning` then says so.
DnsConfig dns_of(const Pod &pod, const ClusterDns &cluster, std::string *warning);

// The pod's own name, at most 63 letters. EINVAL: longer than a kernel takes when it asks for its full name.
Result<std::string> hostname_of(const Pod &pod, const std::string &cluster_domain, const std::string &node_name);

// The file that is mounted at /etc/hosts. `host_file`: the node's own, for pods in its network.
std::string hosts_file(const Pod &pod, const std::string &address, const std::string &hostname,
                       const std::string &cluster_domain, const std::string &host_file);

} // namespace ballast::agent
