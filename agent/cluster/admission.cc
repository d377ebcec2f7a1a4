// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/admission.h"

#include <algorithm>
#include <format>
#include <map>
#include <set>

#include "agent/pods/sysctls.h"

namespace ballast::agent {
namespace {

std::int64_t milli_request(const Container &container, const std::string &resource) {
    const auto found = container.resources.requests.find(resource);
    return found == container.resources.requests.end() ? 0 : found->second.milli();
}

// Init containers run one by one, beside the sidecars before them; then all others with all sidecars.
std::int64_t milli_of(const Pod &pod, const std::string &resource) {
    std::int64_t sidecars = 0, most = 0, together = 0;
    for (const Container &container : pod.init_containers) {
        const std::int64_t own = milli_request(container, resource);
        sidecars += container.sidecar ? own : 0;
        most = std::max(most, container.sidecar ? sidecars : sidecars + own);
    }
    for (const Container &container : pod.containers) {
        together += milli_request(container, resource);
    }
    const auto overhead = pod.overhead.requests.find(resource);
    return std::max(most, together + sidecars) +
           (overhead == pod.overhead.requests.end() ? 0 : overhead->second.milli());
}

std::set<std::string> host_ports(const Pod &pod) {
    std::set<std::string> ports;
    for (const Container *container : all_containers(pod)) {
        for (const Port &port : container->ports) {
            if (port.host != 0) {
                ports.insert(std::format("{}/{}", port.protocol, port.host));
            }
        }
    }
    return ports;
}

std::optional<Waiting> lacks(const Pod &pod, const std::vector<const Pod *> &others, const Json &allocatable,
                             const std::string &resource) {
    const std::optional<Quantity> there = Quantity::parse(json_text(allocatable, {resource.c_str()}));
    const std::int64_t wanted = milli_of(pod, resource);
    if (!there || wanted == 0) {
        return std::nullopt;
    }
    std::int64_t used = 0;
    for (const Pod *other : others) {
        used += milli_of(*other, resource);
    }
    if (used + wanted <= there->milli()) {
        return std::nullopt;
    }
    // CPUs are counted in thousandths.
    const auto shown = [&](std::int64_t milli) { return resource == "cpu" ? milli : (milli + 999) / 1000; };
    return Waiting{"OutOf" + resource,
                   std::format("Node didn't have enough resource: {}, requested: {}, used: {}, capacity: {}", resource,
                               shown(wanted), shown(used), shown(there->milli()))};
}

// What the scheduler has seen to may have changed since, or somebody else has bound the pod.
std::optional<Waiting> misplaced(const Pod &pod, const Json &node) {
    const std::map<std::string, std::string> labels = labels_of(node);
    const bool selected = std::ranges::all_of(pod.node_selector, [&](const auto &wanted) {
        const auto found = labels.find(wanted.first);
        return found != labels.end() && found->second == wanted.second;
    });
    const bool fits = !pod.node_terms || std::ranges::any_of(*pod.node_terms, [&](const NodeTerm &term) {
        return is_met(term, name_of(node), labels);
    });
    if (!selected || !fits) {
        return Waiting{"NodeAffinity",
                       "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector"};
    }
    for (const Json &taint : json_at(node, {"spec", "taints"})) {
        const std::string effect = json_text(taint, {"effect"});
        if (effect == "NoExecute" &&
            !tolerates(pod.tolerations, json_text(taint, {"key"}), json_text(taint, {"value"}), effect)) {
            return Waiting{"TaintToleration",
                           "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate"};
        }
    }
    return std::nullopt;
}

} // namespace

std::optional<Waiting> unfit(const Pod &pod, const Texts &allowed_sysctls) {
    if (!pod.operating_system.empty() && pod.operating_system != "linux") {
        return Waiting{"PodOSNotSupported", "Failed to admit pod as the OS field doesn't match node OS"};
    }
    if (const auto problem = forbidden_sysctl(pod, allowed_sysctls)) {
        return Waiting{"SysctlForbidden", "forbidden sysctl: " + *problem};
    }
    return std::nullopt;
}

std::optional<Waiting> refusal_of(const Pod &pod, const std::vector<const Pod *> &others, const Json &node) {
    const Json &allocatable = json_at(node, {"status", "allocatable"});
    const auto most_pods = Quantity::parse(json_text(allocatable, {"pods"}));
    if (most_pods && static_cast<std::int64_t>(others.size()) + 1 > most_pods->whole()) {
        return Waiting{"OutOfpods",
                       std::format("Node didn't have enough resource: pods, requested: 1, used: {}, capacity: {}",
                                   others.size(), most_pods->whole())};
    }
    for (const char *resource : {"cpu", "memory", "ephemeral-storage"}) {
        if (auto refusal = lacks(pod, others, allocatable, resource)) {
            return refusal;
        }
    }
    if (auto refusal = node.is_null() ? std::nullopt : misplaced(pod, node)) {
        return refusal;
    }
    const std::set<std::string> ports = host_ports(pod);
    for (const Pod *other : others) {
        if (std::ranges::any_of(host_ports(*other), [&](const std::string &port) { return ports.contains(port); })) {
            return Waiting{"NodePorts", "Predicate NodePorts failed: node(s) didn't have free ports for the requested "
                                        "pod ports"};
        }
    }
    return std::nullopt;
}

} // namespace ballast::agent
