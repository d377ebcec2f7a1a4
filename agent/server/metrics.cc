// SPDX-License-Identifier: Apache-2.0
#include "agent/server/metrics.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/metrics_page.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr double kSecond = 1e9;

// When the containers of pods were started: by the pods' UIDs and their names.
std::map<std::pair<std::string, std::string>, std::int64_t> starts_of(const std::vector<Json> &pods) {
    std::map<std::pair<std::string, std::string>, std::int64_t> starts;
    for (const Json &pod : pods) {
        for (const char *list : {"containerStatuses", "initContainerStatuses"}) {
            for (const Json &status : json_at(pod, {"status", list})) {
                if (const auto time = parse_timestamp(json_text(status, {"state", "running", "startedAt"}))) {
                    starts[{uid_of(pod), json_text(status, {"name"})}] = *time;
                }
            }
        }
    }
    return starts;
}

// Names of Kubernetes hold nothing that would have to be escaped.
std::string labels_of(const PodUsage &pod) { return "namespace=\"" + pod.name_space + "\",pod=\"" + pod.name + "\""; }
std::string labels_of(const PodUsage &pod, const ContainerUsage &container) {
    return "container=\"" + container.name + "\"," + labels_of(pod);
}

std::string time_text(std::int64_t time) { return timestamp(time, Fraction::kNone); }

void set(Json &object, const char *name, const Amount &amount) {
    if (amount) {
        object[name] = *amount;
    }
}

Json cpu_of(const Usage &usage) {
    Json cpu = {{"time", time_text(usage.time)}};
    set(cpu, "usageNanoCores", usage.nano_cores);
    set(cpu, "usageCoreNanoSeconds", usage.cpu);
    return cpu;
}

Json memory_of(const Usage &usage) {
    Json memory = {{"time", time_text(usage.time)}};
    set(memory, "availableBytes", usage.available);
    set(memory, "usageBytes", usage.memory);
    set(memory, "workingSetBytes", usage.working_set);
    set(memory, "rssBytes", usage.resident);
    set(memory, "pageFaults", usage.faults);
    set(memory, "majorPageFaults", usage.major_faults);
    return memory;
}

Json interface_of(const InterfaceUsage &from) {
    Json to = {{"name", from.name}};
    set(to, "rxBytes", from.received);
    set(to, "rxErrors", from.receive_errors);
    set(to, "txBytes", from.sent);
    set(to, "txErrors", from.send_errors);
    return to;
}

Json files_of(const NodeUsage &node) {
    Json files = {{"time", time_text(node.usage.time)}};
    set(files, "availableBytes", node.files_available);
    set(files, "capacityBytes", node.files_capacity);
    set(files, "inodesFree", node.inodes_free);
    set(files, "inodes", node.inodes);
    if (node.files_available && node.files_capacity) {
        files["usedBytes"] = *node.files_capacity - std::min(*node.files_capacity, *node.files_available);
    }
    if (node.inodes && node.inodes_free) {
        files["inodesUsed"] = *node.inodes - std::min(*node.inodes, *node.inodes_free);
    }
    return files;
}

Json container_stats(const ContainerUsage &container, std::optional<std::int64_t> start, bool only_cpu_and_memory) {
    Json stats = {{"name", container.name}, {"cpu", cpu_of(container.usage)}, {"memory", memory_of(container.usage)}};
    if (start) {
        stats["startTime"] = time_text(*start);
    }
    if (container.file_bytes && !only_cpu_and_memory) {
        Json files = {{"time", time_text(container.files_time)}};
        set(files, "usedBytes", container.file_bytes);
        set(files, "inodesUsed", container.inodes);
        stats["rootfs"] = std::move(files);
    }
    return stats;
}

Json network_of(const PodUsage &pod) {
    Json network = interface_of(pod.networks.front());
    network["time"] = time_text(pod.network_time);
    network["interfaces"] = Json::array();
    for (const InterfaceUsage &one : pod.networks) {
        network["interfaces"].push_back(interface_of(one));
    }
    return network;
}

} // namespace

std::string resource_metrics(const UsageInputs &inputs) {
    MetricsPage page;
    const auto each_container = [&](auto value) {
        for (const PodUsage &pod : inputs.pods) {
            for (const ContainerUsage &container : pod.containers) {
                value(pod, container);
            }
        }
    };
    const auto cpu = [&](const std::string &labels, const Usage &usage) {
        if (usage.cpu) {
            page.value(labels, static_cast<double>(*usage.cpu) / kSecond, usage.time);
        }
    };
    const auto memory = [&](const std::string &labels, const Usage &usage) {
        if (usage.working_set) {
            page.value(labels, static_cast<double>(*usage.working_set), usage.time);
        }
    };
    page.describe("container_cpu_usage_seconds_total", "counter",
                  "Cumulative cpu time consumed by the container in core-seconds");
    each_container([&](const auto &pod, const auto &one) { cpu(labels_of(pod, one), one.usage); });
    page.describe("container_memory_working_set_bytes", "gauge", "Current working set of the container in bytes");
    each_container([&](const auto &pod, const auto &one) { memory(labels_of(pod, one), one.usage); });
    page.describe("container_start_time_seconds", "gauge", "Start time of the container since unix epoch in seconds");
    const auto starts = starts_of(inputs.objects);
    each_container([&](const auto &pod, const auto &one) {
        if (const auto found = starts.find({pod.uid, one.name}); found != starts.end()) {
            page.value(labels_of(pod, one), static_cast<double>(found->second) / kSecond, 0);
        }
    });
    page.describe("node_cpu_usage_seconds_total", "counter",
                  "Cumulative cpu time consumed by the node in core-seconds");
    cpu("", inputs.node.usage);
    page.describe("node_memory_working_set_bytes", "gauge", "Current working set of the node in bytes");
    memory("", inputs.node.usage);
    page.describe("pod_cpu_usage_seconds_total", "counter", "Cumulative cpu time consumed by the pod in core-seconds");
    for (const PodUsage &pod : inputs.pods) {
        cpu(labels_of(pod), pod.usage);
    }
    page.describe("pod_memory_working_set_bytes", "gauge", "Current working set of the pod in bytes");
    for (const PodUsage &pod : inputs.pods) {
        memory(labels_of(pod), pod.usage);
    }
    for (const char *name : {"resource_scrape_error", "scrape_error"}) { // the new name and the old one
        page.describe(name, "gauge", "1 if there was an error while getting container metrics, 0 otherwise");
        page.value("", inputs.incomplete ? 1 : 0, 0);
    }
    return page.take();
}

std::string own_metrics(const std::string &node_name, const std::vector<Json> &pods) {
    double running_pods = 0, running_containers = 0;
    for (const Json &pod : pods) {
        running_pods += json_text(pod, {"status", "phase"}) == "Running" ? 1 : 0;
        for (const char *list : {"containerStatuses", "initContainerStatuses"}) {
            const Json &all = json_at(pod, {"status", list});
            running_containers += static_cast<double>(std::ranges::count_if(
                all, [](const Json &status) { return json_at(status, {"state", "running"}).is_object(); }));
        }
    }
    MetricsPage page;
    page.describe("kubelet_node_name", "gauge", "The node's name; always 1");
    page.value("node=\"" + node_name + "\"", 1);
    page.metric("kubelet_running_pods", "gauge", "Number of pods that have a running pod sandbox", running_pods);
    page.describe("kubelet_running_containers", "gauge", "Number of containers currently running");
    page.value("container_state=\"running\"", running_containers);
    page.add_process("the node agent");
    return page.take();
}

Json stats_summary(const UsageInputs &inputs, bool only_cpu_and_memory) {
    Json node = {{"nodeName", inputs.node_name},
                 {"startTime", time_text(inputs.node.booted)},
                 {"cpu", cpu_of(inputs.node.usage)},
                 {"memory", memory_of(inputs.node.usage)}};
    if (!only_cpu_and_memory) {
        node["fs"] = files_of(inputs.node);
    }
    std::map<std::string, std::string> pod_starts;
    for (const Json &object : inputs.objects) {
        pod_starts[uid_of(object)] = json_text(object, {"status", "startTime"});
    }
    const auto starts = starts_of(inputs.objects);
    Json pods = Json::array();
    for (const PodUsage &pod : inputs.pods) {
        Json containers = Json::array();
        for (const ContainerUsage &one : pod.containers) {
            const auto start = starts.find({pod.uid, one.name});
            containers.push_back(container_stats(
                one, start == starts.end() ? std::nullopt : std::optional(start->second), only_cpu_and_memory));
        }
        Json stats = {{"podRef", {{"name", pod.name}, {"namespace", pod.name_space}, {"uid", pod.uid}}},
                      {"containers", std::move(containers)},
                      {"cpu", cpu_of(pod.usage)},
                      {"memory", memory_of(pod.usage)}};
        const auto started = pod_starts.find(pod.uid);
        stats["startTime"] = started == pod_starts.end() || started->second.empty() ? Json() : Json(started->second);
        if (!only_cpu_and_memory && pod.processes) {
            stats["process_stats"] = {{"process_count", *pod.processes}};
        }
        if (!only_cpu_and_memory && !pod.networks.empty()) {
            stats["network"] = network_of(pod);
        }
        pods.push_back(std::move(stats));
    }
    return {{"node", std::move(node)}, {"pods", std::move(pods)}};
}

} // namespace ballast::agent
