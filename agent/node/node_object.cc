// SPDX-License-Identifier: Apache-2.0
#include "agent/node/node_object.h"

#include <algorithm>
#include <format>

#include "agent/config/flags.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::int64_t kKibi = 1024;
constexpr std::size_t kMostImages = 50, kMostNames = 5; // as kubelet tells

std::string amount_kibi(std::int64_t bytes) { return std::format("{}Ki", bytes / kKibi); }

Json labels_of(const NodeInputs &inputs) {
    Json labels = {{"kubernetes.io/hostname", inputs.settings.name},
                   {"kubernetes.io/os", "linux"},
                   {"kubernetes.io/arch", "amd64"},
                   {"beta.kubernetes.io/os", "linux"},
                   {"beta.kubernetes.io/arch", "amd64"}};
    for (const auto &[name, value] : inputs.settings.labels) {
        labels[name] = value;
    }
    return labels;
}

Json taints_of(const NodeSettings &settings) {
    Json taints = Json::array();
    for (const Taint &taint : settings.taints) {
        taints.push_back({{"key", taint.key}, {"value", taint.value}, {"effect", taint.effect}});
    }
    if (settings.external_cloud) {
        taints.push_back(
            {{"key", "node.cloudprovider.kubernetes.io/uninitialized"}, {"value", "true"}, {"effect", "NoSchedule"}});
    }
    return taints;
}

Json addresses_of(const NodeSettings &settings) {
    Json addresses = Json::array();
    for (const std::string &address : settings.addresses) {
        addresses.push_back({{"type", "InternalIP"}, {"address", address}});
    }
    addresses.push_back({{"type", "Hostname"}, {"address", settings.name}});
    return addresses;
}

Json resources_of(const NodeInputs &inputs, const Allocatable &amounts) {
    Json resources = {{"cpu", Quantity::of_milli(amounts.milli_cpu).text()},
                      {"memory", amount_kibi(amounts.memory)},
                      {"ephemeral-storage", amount_kibi(amounts.storage)},
                      {"pods", std::to_string(inputs.settings.most_pods)}};
    for (const auto &[name, size] : inputs.facts.huge_pages) {
        resources[name] = size == 0 ? "0" : amount_kibi(size);
    }
    return resources;
}

Allocatable whole_of(const NodeFacts &facts) {
    return {.milli_cpu = facts.processors * 1000, .memory = facts.memory, .storage = facts.storage};
}

struct Condition {
    const char *type;
    bool holds;
    const char *reason;
    std::string message;
};

bool lacks_storage(const Reservation &reservation, const NodeFacts &facts) {
    const auto least = [&](const std::string &what, std::int64_t whole) { // pods' files and images are on one disk
        return std::max(reservation.least("nodefs." + what, whole), reservation.least("imagefs." + what, whole));
    };
    return facts.storage_available < least("available", facts.storage) ||
           facts.inodes_free < least("inodesFree", facts.inodes);
}

std::vector<Condition> conditions_of(const NodeInputs &inputs) {
    const NodeFacts &facts = inputs.facts;
    const Reservation &reservation = inputs.settings.reservation;
    const auto pressure = [](const char *type, bool holds, const char *bad, const char *good, const char *what) {
        return Condition{type, holds, holds ? bad : good,
                         std::format("kubelet has {} {}", holds ? "insufficient" : "sufficient", what)};
    };
    const bool ready = inputs.runtime.trouble.empty(), full = lacks_storage(reservation, facts);
    return {
        pressure("MemoryPressure", facts.memory_available < reservation.least("memory.available", facts.memory),
                 "KubeletHasInsufficientMemory", "KubeletHasSufficientMemory", "memory available"),
        {"DiskPressure", full, full ? "KubeletHasDiskPressure" : "KubeletHasNoDiskPressure",
         full ? "kubelet has disk pressure" : "kubelet has no disk pressure"},
        pressure("PIDPressure",
                 facts.most_processes - facts.processes < reservation.least("pid.available", facts.most_processes),
                 "KubeletHasInsufficientPID", "KubeletHasSufficientPID", "PID available"),
        {"Ready", ready, ready ? "KubeletReady" : "KubeletNotReady",
         ready ? "kubelet is posting ready status" : inputs.runtime.trouble},
    };
}

const Json &condition_before(const Json &node, const std::string &type) {
    static const Json kNone;
    for (const Json &condition : json_at(node, {"status", "conditions"})) {
        if (json_text(condition, {"type"}) == type) {
            return condition;
        }
    }
    return kNone;
}

Json conditions_json(const NodeInputs &inputs, const Json &node, std::int64_t now) {
    const std::string time = timestamp(now, Fraction::kNone);
    Json conditions = Json::array();
    for (const Condition &condition : conditions_of(inputs)) {
        const Json &before = condition_before(node, condition.type);
        const char *status = condition.holds ? "True" : "False";
        const std::string since = json_text(before, {"lastTransitionTime"});
        const bool same = json_text(before, {"status"}) == status && !since.empty();
        conditions.push_back({{"type", condition.type},
                              {"status", status},
                              {"reason", condition.reason},
                              {"message", condition.message},
                              {"lastHeartbeatTime", time},
                              {"lastTransitionTime", same ? since : time}});
    }
    return conditions;
}

Json images_json(std::vector<Runtime::ImageOnNode> images) {
    std::erase_if(images, [](const Runtime::ImageOnNode &image) { return image.names.empty(); });
    std::ranges::stable_sort(images, std::greater(), &Runtime::ImageOnNode::size);
    images.resize(std::min(images.size(), kMostImages));
    Json list = Json::array();
    for (Runtime::ImageOnNode &image : images) {
        image.names.resize(std::min(image.names.size(), kMostNames));
        list.push_back({{"names", image.names}, {"sizeBytes", image.size}});
    }
    return list;
}

// "ballastd 0.1.0" as the API has it.
std::string runtime_version(std::string text) {
    const std::size_t blank = text.find(' ');
    return blank == std::string::npos ? text : text.replace(blank, 1, "://");
}

Json status_of(const NodeInputs &inputs, const Json &node, std::int64_t now) {
    const NodeFacts &facts = inputs.facts;
    Json status = {
        {"capacity", resources_of(inputs, whole_of(facts))},
        {"allocatable", resources_of(inputs, left_for_pods(inputs.settings.reservation, facts))},
        {"conditions", conditions_json(inputs, node, now)},
        {"addresses", addresses_of(inputs.settings)},
        {"images", images_json(inputs.runtime.images)},
        {"nodeInfo",
         {{"machineID", facts.machine_id},
          {"systemUUID", facts.system_uuid},
          {"bootID", facts.boot_id},
          {"kernelVersion", facts.kernel},
          {"osImage", facts.os_image},
          {"containerRuntimeVersion", runtime_version(inputs.runtime.version)},
          {"kubeletVersion", kKubernetesVersion},
          {"kubeProxyVersion", kKubernetesVersion},
          {"operatingSystem", "linux"},
          {"architecture", "amd64"}}},
    };
    if (inputs.settings.port != 0) {
        status["daemonEndpoints"] = {{"kubeletEndpoint", {{"Port", inputs.settings.port}}}};
    }
    return status;
}

// Without what changes with every heartbeat, and in an order of its own.
Json comparable(const Json &status) {
    Json conditions = Json::object();
    for (const Json &condition : json_at(status, {"conditions"})) {
        conditions[json_text(condition, {"type"})] = {
            json_text(condition, {"status"}), json_text(condition, {"reason"}), json_text(condition, {"message"})};
    }
    Json addresses = Json::array();
    for (const Json &address : json_at(status, {"addresses"})) {
        if (!address.contains("$patch")) {
            addresses.push_back(address);
        }
    }
    return {conditions,
            addresses,
            json_at(status, {"capacity"}),
            json_at(status, {"allocatable"}),
            json_at(status, {"images"}),
            json_at(status, {"nodeInfo"}),
            json_at(status, {"daemonEndpoints", "kubeletEndpoint", "Port"})};
}

} // namespace

Allocatable left_for_pods(const Reservation &reservation, const NodeFacts &facts) {
    Allocatable left = allocatable(reservation, whole_of(facts));
    for (const auto &[name, size] : facts.huge_pages) {
        left.memory = std::max<std::int64_t>(left.memory - size, 0);
    }
    return left;
}

Json new_node(const NodeInputs &inputs, std::int64_t now) {
    Json node = {{"apiVersion", "v1"},
                 {"kind", "Node"},
                 {"metadata",
                  {{"name", inputs.settings.name},
                   {"labels", labels_of(inputs)},
                   {"annotations", {{"volumes.kubernetes.io/controller-managed-attach-detach", "true"}}}}},
                 {"spec", Json::object()},
                 {"status", status_of(inputs, {}, now)}};
    if (!inputs.settings.provider_id.empty()) {
        node["spec"]["providerID"] = inputs.settings.provider_id;
    }
    if (Json taints = taints_of(inputs.settings); !taints.empty()) {
        node["spec"]["taints"] = std::move(taints);
    }
    return node;
}

Json node_labels_patch(const NodeInputs &inputs, const Json &node) {
    Json missing = Json::object();
    const Json &there = json_at(node, {"metadata", "labels"});
    const Json labels = labels_of(inputs);
    for (const auto &[name, value] : labels.items()) {
        if (!there.is_object() || !there.contains(name) || there.at(name) != value) {
            missing[name] = value;
        }
    }
    return missing.empty() ? Json() : Json{{"metadata", {{"labels", missing}}}};
}

Json node_status_patch(const NodeInputs &inputs, const Json &node, std::int64_t now) {
    Json status = status_of(inputs, node, now);
    // Merged by their types, two of one type would become one.
    status["addresses"].insert(status["addresses"].begin(), Json::object({{"$patch", "replace"}}));
    // Conditions of others, as of networks, stay.
    return {{"status", std::move(status)}};
}

bool node_status_differs(const Json &patch, const Json &node) {
    Json others = comparable(json_at(node, {"status"}));
    const Json ours = comparable(json_at(patch, {"status"}));
    for (auto entry = others[0].begin(); entry != others[0].end();) {
        entry = ours[0].contains(entry.key()) ? std::next(entry) : others[0].erase(entry);
    }
    return ours != others;
}

Json renewed_lease(const Json &lease, const std::string &name, const Json &node, std::int64_t now) {
    constexpr int kDuration = 40; // seconds, as kubelet's
    Json renewed = lease.is_object() ? lease
                                     : Json{{"apiVersion", "coordination.k8s.io/v1"},
                                            {"kind", "Lease"},
                                            {"metadata", {{"name", name}, {"namespace", "kube-node-lease"}}}};
    renewed["spec"]["holderIdentity"] = name;
    renewed["spec"]["leaseDurationSeconds"] = kDuration;
    renewed["spec"]["renewTime"] = timestamp(now, Fraction::kMicro);
    if (json_at(renewed, {"metadata", "ownerReferences"}).empty() && !uid_of(node).empty()) {
        const Json owner = {{"apiVersion", "v1"}, {"kind", "Node"}, {"name", name}, {"uid", uid_of(node)}};
        renewed["metadata"]["ownerReferences"] = Json::array({owner});
    }
    return renewed;
}

} // namespace ballast::agent
