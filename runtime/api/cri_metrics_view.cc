// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_metrics_view.h"

#include <span>

#include "runtime/api/cri_stats_view.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using engine::Snapshot;
using engine::Stats;
using engine::Usage;
using isolate::Pressure;
using isolate::Statistics;

constexpr std::uint64_t kSecond = 1'000'000'000;
constexpr std::uint64_t kPressureSecond = 1'000'000;

constexpr const char *kLabels[] = {"container", "id", "image", "name", "namespace", "pod"};

// What all metrics of one kind are made from.
template <typename From>
struct Kind {
    const char *name, *help;
    cri::MetricType type;
    std::optional<std::uint64_t> (*value)(const From &);
};

std::uint64_t raw(const Usage &usage, const char *key) {
    const auto found = usage.numbers.memory.raw.find(key);
    return found == usage.numbers.memory.raw.end() ? 0 : found->second;
}

std::optional<std::uint64_t> seconds(const std::optional<Pressure> &pressure, Pressure::Line Pressure::*line) {
    return pressure ? std::optional(((*pressure).*line).total / kPressureSecond) : std::nullopt;
}

using Value = std::optional<std::uint64_t>;

// Of pods and containers alike.
constexpr Kind<Usage> kOfCgroups[] = {
    {"container_cpu_usage_seconds_total", "Cumulative cpu time consumed in seconds.", cri::COUNTER,
     [](const Usage &usage) -> Value { return usage.numbers.cpu.total / kSecond; }},
    {"container_cpu_user_seconds_total", "Cumulative user cpu time consumed in seconds.", cri::COUNTER,
     [](const Usage &usage) -> Value { return usage.numbers.cpu.user / kSecond; }},
    {"container_cpu_system_seconds_total", "Cumulative system cpu time consumed in seconds.", cri::COUNTER,
     [](const Usage &usage) -> Value { return usage.numbers.cpu.kernel / kSecond; }},
    {"container_cpu_cfs_periods_total", "Number of elapsed enforcement period intervals.", cri::COUNTER,
     [](const Usage &usage) -> Value { return usage.numbers.cpu.periods; }},
    {"container_cpu_cfs_throttled_periods_total", "Number of throttled period intervals.", cri::COUNTER,
     [](const Usage &usage) -> Value { return usage.numbers.cpu.throttled_periods; }},
    {"container_cpu_cfs_throttled_seconds_total", "Total time duration the container has been throttled.", cri::COUNTER,
     [](const Usage &usage) -> Value { return usage.numbers.cpu.throttled_time / kSecond; }},
    {"container_memory_usage_bytes",
     "Current memory usage in bytes, including all memory regardless of when it was "
     "accessed.",
     cri::GAUGE, [](const Usage &usage) -> Value { return usage.numbers.memory.memory.usage; }},
    {"container_memory_working_set_bytes", "Current working set in bytes.", cri::GAUGE,
     [](const Usage &usage) -> Value { return working_set(usage.numbers); }},
    {"container_memory_max_usage_bytes", "Maximum memory usage recorded in bytes.", cri::GAUGE,
     [](const Usage &usage) -> Value { return usage.numbers.memory.memory.max; }},
    {"container_memory_rss", "Size of RSS in bytes.", cri::GAUGE,
     [](const Usage &usage) -> Value { return raw(usage, "anon"); }},
    {"container_memory_cache", "Number of bytes of page cache memory.", cri::GAUGE,
     [](const Usage &usage) -> Value { return raw(usage, "file"); }},
    {"container_memory_mapped_file", "Size of memory mapped files in bytes.", cri::GAUGE,
     [](const Usage &usage) -> Value { return raw(usage, "file_mapped"); }},
    {"container_memory_kernel_usage", "Size of kernel memory allocated in bytes.", cri::GAUGE,
     [](const Usage &usage) -> Value { return raw(usage, "kernel"); }},
    {"container_memory_swap", "Container swap usage in bytes.", cri::GAUGE,
     [](const Usage &usage) -> Value { return usage.numbers.memory.swap.usage; }},
    {"container_processes", "Number of processes running inside the container.", cri::GAUGE,
     [](const Usage &usage) -> Value { return usage.numbers.pids; }},
    {"container_pressure_cpu_waiting_seconds_total",
     "Total time duration tasks in the container have waited due to "
     "CPU congestion.",
     cri::COUNTER, [](const Usage &usage) { return seconds(usage.numbers.cpu.pressure, &Pressure::some); }},
    {"container_pressure_cpu_stalled_seconds_total",
     "Total time duration no tasks in the container could make progress "
     "due to CPU congestion.",
     cri::COUNTER, [](const Usage &usage) { return seconds(usage.numbers.cpu.pressure, &Pressure::full); }},
    {"container_pressure_memory_waiting_seconds_total",
     "Total time duration tasks in the container have waited due to "
     "memory congestion.",
     cri::COUNTER, [](const Usage &usage) { return seconds(usage.numbers.memory.pressure, &Pressure::some); }},
    {"container_pressure_memory_stalled_seconds_total",
     "Total time duration no tasks in the container could make "
     "progress due to memory congestion.",
     cri::COUNTER, [](const Usage &usage) { return seconds(usage.numbers.memory.pressure, &Pressure::full); }},
    {"container_pressure_io_waiting_seconds_total",
     "Total time duration tasks in the container have waited due to IO "
     "congestion.",
     cri::COUNTER, [](const Usage &usage) { return seconds(usage.numbers.io.pressure, &Pressure::some); }},
    {"container_pressure_io_stalled_seconds_total",
     "Total time duration no tasks in the container could make progress "
     "due to IO congestion.",
     cri::COUNTER, [](const Usage &usage) { return seconds(usage.numbers.io.pressure, &Pressure::full); }},
};

Value limit_of(std::int64_t value) { return value > 0 ? Value(static_cast<std::uint64_t>(value)) : std::nullopt; }

constexpr Kind<engine::ContainerUsage> kOfContainers[] = {
    {"container_fs_usage_bytes", "Number of bytes that are consumed by the container on its writable layer.",
     cri::GAUGE, [](const engine::ContainerUsage &usage) -> Value { return usage.writable.bytes; }},
    {"container_fs_inodes_used", "Number of inodes that the container's writable layer has.", cri::GAUGE,
     [](const engine::ContainerUsage &usage) -> Value { return usage.writable.inodes; }},
    {"container_start_time_seconds", "Start time of the container since unix epoch in seconds.", cri::GAUGE,
     [](const engine::ContainerUsage &usage) -> Value {
         return static_cast<std::uint64_t>(usage.container.state.started_at.time_since_epoch().count()) / kSecond;
     }},
    {"container_spec_cpu_period", "CPU period of the container.", cri::GAUGE,
     [](const engine::ContainerUsage &usage) { return limit_of(usage.container.host.cpu_period); }},
    {"container_spec_cpu_quota", "CPU quota of the container.", cri::GAUGE,
     [](const engine::ContainerUsage &usage) { return limit_of(usage.container.host.cpu_quota); }},
    {"container_spec_cpu_shares", "CPU share of the container.", cri::GAUGE,
     [](const engine::ContainerUsage &usage) { return limit_of(usage.container.host.cpu_shares); }},
    {"container_spec_memory_limit_bytes", "Memory limit for the container.", cri::GAUGE,
     [](const engine::ContainerUsage &usage) { return limit_of(usage.container.host.memory); }},
};

constexpr Kind<Stats::Network> kOfInterfaces[] = {
    {"container_network_receive_bytes_total", "Cumulative count of bytes received.", cri::COUNTER,
     [](const Stats::Network &network) -> Value { return network.rx_bytes; }},
    {"container_network_receive_packets_total", "Cumulative count of packets received.", cri::COUNTER,
     [](const Stats::Network &network) -> Value { return network.rx_packets; }},
    {"container_network_receive_packets_dropped_total", "Cumulative count of packets dropped while receiving.",
     cri::COUNTER, [](const Stats::Network &network) -> Value { return network.rx_dropped; }},
    {"container_network_receive_errors_total", "Cumulative count of errors encountered while receiving.", cri::COUNTER,
     [](const Stats::Network &network) -> Value { return network.rx_errors; }},
    {"container_network_transmit_bytes_total", "Cumulative count of bytes transmitted.", cri::COUNTER,
     [](const Stats::Network &network) -> Value { return network.tx_bytes; }},
    {"container_network_transmit_packets_total", "Cumulative count of packets transmitted.", cri::COUNTER,
     [](const Stats::Network &network) -> Value { return network.tx_packets; }},
    {"container_network_transmit_packets_dropped_total", "Cumulative count of packets dropped while transmitting.",
     cri::COUNTER, [](const Stats::Network &network) -> Value { return network.tx_dropped; }},
    {"container_network_transmit_errors_total", "Cumulative count of errors encountered while transmitting.",
     cri::COUNTER, [](const Stats::Network &network) -> Value { return network.tx_errors; }},
};

constexpr const char *kFailures = "container_memory_failures_total";
constexpr const char *kDevices = "container_blkio_device_usage_total";

using Labels = std::vector<std::string>; // values, in the order of the descriptor's keys

Labels labels_of(const Snapshot &sandbox, const Snapshot *container) {
    const Snapshot &own = container == nullptr ? sandbox : *container;
    return {container == nullptr ? "" : own.pod.name,
            own.id,
            container == nullptr ? "" : own.config.image,
            own.name,
            sandbox.pod.name_space,
            sandbox.pod.name};
}

template <typename Message>
void add(Message &to, const char *name, cri::MetricType type, const Labels &labels, std::uint64_t value) {
    cri::Metric &metric = *to.add_metrics(); // its timestamp is 0: it was read just now
    metric.set_name(name);
    metric.set_metric_type(type);
    metric.mutable_label_values()->Add(labels.begin(), labels.end());
    metric.mutable_value()->set_value(value);
}

template <typename Message, typename From>
void add_all(Message &to, std::span<const Kind<From>> kinds, const From &from, const Labels &labels) {
    for (const Kind<From> &kind : kinds) {
        if (const Value value = kind.value(from)) {
            add(to, kind.name, kind.type, labels, *value);
        }
    }
}

template <typename Message>
void add_usage(Message &to, const Usage &usage, const Labels &labels) {
    add_all<Message, Usage>(to, kOfCgroups, usage, labels);
    for (const char *kind : {"pgfault", "pgmajfault"}) {
        Labels more = labels;
        more.insert(more.end(), {kind, "container"});
        add(to, kFailures, cri::COUNTER, more, raw(usage, kind));
    }
    for (const Statistics::IoEntry &entry : usage.numbers.io.bytes) {
        Labels more = labels;
        more.insert(more.end(), {std::to_string(entry.major), std::to_string(entry.minor), entry.operation});
        add(to, kDevices, cri::COUNTER, more, entry.value);
    }
}

void describe(cri::ListMetricDescriptorsResponse &to, const char *name, const char *help,
              std::initializer_list<const char *> more) {
    cri::MetricDescriptor &descriptor = *to.add_descriptors();
    descriptor.set_name(name);
    descriptor.set_help(help);
    descriptor.mutable_label_keys()->Add(std::begin(kLabels), std::end(kLabels));
    descriptor.mutable_label_keys()->Add(more.begin(), more.end());
}

} // namespace

cri::ListMetricDescriptorsResponse cri_metric_descriptors() {
    cri::ListMetricDescriptorsResponse response;
    for (const auto &kind : kOfCgroups) {
        describe(response, kind.name, kind.help, {});
    }
    for (const auto &kind : kOfContainers) {
        describe(response, kind.name, kind.help, {});
    }
    for (const auto &kind : kOfInterfaces) {
        describe(response, kind.name, kind.help, {"interface"});
    }
    describe(response, kFailures, "Cumulative count of memory allocation failures.", {"failure_type", "scope"});
    describe(response, kDevices, "Blkio device bytes usage.", {"major", "minor", "operation"});
    return response;
}

cri::PodSandboxMetrics cri_pod_metrics(const engine::PodUsage &usage) {
    cri::PodSandboxMetrics metrics;
    metrics.set_pod_sandbox_id(usage.sandbox.id);
    const Labels pod = labels_of(usage.sandbox, nullptr);
    if (usage.usage) {
        add_usage(metrics, *usage.usage, pod);
    }
    for (const auto &[name, network] : usage.networks) {
        Labels labels = pod;
        labels.push_back(name);
        add_all<cri::PodSandboxMetrics, Stats::Network>(metrics, kOfInterfaces, network, labels);
    }
    for (const engine::ContainerUsage &container : usage.containers) {
        cri::ContainerMetrics &to = *metrics.add_container_metrics();
        to.set_container_id(container.container.id);
        const Labels labels = labels_of(usage.sandbox, &container.container);
        if (container.usage) {
            add_usage(to, *container.usage, labels);
        }
        add_all<cri::ContainerMetrics, engine::ContainerUsage>(to, kOfContainers, container, labels);
    }
    return metrics;
}

} // namespace ballast::api
