// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_stats_view.h"

#include <algorithm>
#include <charconv>

#include "runtime/api/cri_pod_view.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using engine::Stats;
using engine::Usage;
using isolate::Statistics;

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};
constexpr const char *kDefaultInterface = "eth0"; // as CNI's plugins are told to call it

double number_of(const std::string &text) {
    double value = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), value); // the kernel's own; otherwise 0
    return value;
}

void set_line(const isolate::Pressure::Line &from, cri::PsiData &to) {
    constexpr std::uint64_t kNanoseconds = 1000; // in a microsecond
    to.set_total(from.total * kNanoseconds);
    to.set_avg10(number_of(from.avg10));
    to.set_avg60(number_of(from.avg60));
    to.set_avg300(number_of(from.avg300));
}

template <typename Message>
void set_pressure(const std::optional<isolate::Pressure> &from, Message &to) {
    if (from) {
        set_line(from->full, *to.mutable_psi()->mutable_full());
        set_line(from->some, *to.mutable_psi()->mutable_some());
    }
}

void set_cpu(const Usage &usage, cri::CpuUsage &to) {
    to.set_timestamp(cri_time(usage.read));
    to.mutable_usage_core_nano_seconds()->set_value(usage.numbers.cpu.total);
    to.mutable_usage_nano_cores()->set_value(usage.nano_cores);
    set_pressure(usage.numbers.cpu.pressure, to);
}

std::uint64_t in(const Statistics &numbers, const char *key) {
    const auto found = numbers.memory.raw.find(key);
    return found == numbers.memory.raw.end() ? 0 : found->second;
}

void set_memory(const Usage &usage, cri::MemoryUsage &to) {
    const Statistics &numbers = usage.numbers;
    const std::uint64_t set = working_set(numbers), limit = numbers.memory.memory.limit;
    to.set_timestamp(cri_time(usage.read));
    to.mutable_working_set_bytes()->set_value(set);
    if (limit != kNoLimit && limit != 0) {
        to.mutable_available_bytes()->set_value(limit - std::min(limit, set));
    }
    to.mutable_usage_bytes()->set_value(numbers.memory.memory.usage);
    to.mutable_rss_bytes()->set_value(in(numbers, "anon"));
    to.mutable_page_faults()->set_value(in(numbers, "pgfault"));
    to.mutable_major_page_faults()->set_value(in(numbers, "pgmajfault"));
    set_pressure(numbers.memory.pressure, to);
}

void set_swap(const Usage &usage, cri::SwapUsage &to) {
    const Statistics::MemoryUse &swap = usage.numbers.memory.swap;
    to.set_timestamp(cri_time(usage.read));
    if (swap.limit != kNoLimit) {
        to.mutable_swap_available_bytes()->set_value(swap.limit - std::min(swap.limit, swap.usage));
    }
    to.mutable_swap_usage_bytes()->set_value(swap.usage);
}

void set_io(const Usage &usage, cri::IoUsage &to) {
    to.set_timestamp(cri_time(usage.read));
    set_pressure(usage.numbers.io.pressure, to);
}

void set_interface(const std::string &name, const Stats::Network &from, cri::NetworkInterfaceUsage &to) {
    to.set_name(name);
    to.mutable_rx_bytes()->set_value(from.rx_bytes);
    to.mutable_rx_errors()->set_value(from.rx_errors);
    to.mutable_tx_bytes()->set_value(from.tx_bytes);
    to.mutable_tx_errors()->set_value(from.tx_errors);
}

void set_network(const engine::PodUsage &usage, cri::NetworkUsage &to) {
    to.set_timestamp(cri_time(usage.read));
    for (const auto &[name, network] : usage.networks) {
        set_interface(name, network,
                      name == kDefaultInterface ? *to.mutable_default_interface() : *to.add_interfaces());
    }
}

} // namespace

std::uint64_t working_set(const Statistics &numbers) {
    const std::uint64_t usage = numbers.memory.memory.usage;
    return usage - std::min(usage, in(numbers, "inactive_file"));
}

cri::ContainerStats cri_container_stats(const engine::ContainerUsage &usage, const std::filesystem::path &data_root) {
    cri::ContainerStats stats;
    const engine::Snapshot &container = usage.container;
    cri::ContainerAttributes &attributes = *stats.mutable_attributes();
    attributes.set_id(container.id);
    attributes.mutable_metadata()->set_name(container.pod.name);
    attributes.mutable_metadata()->set_attempt(container.pod.attempt);
    attributes.mutable_labels()->insert(container.pod.labels.begin(), container.pod.labels.end());
    attributes.mutable_annotations()->insert(container.pod.annotations.begin(), container.pod.annotations.end());
    if (usage.usage) {
        set_cpu(*usage.usage, *stats.mutable_cpu());
        set_memory(*usage.usage, *stats.mutable_memory());
        set_swap(*usage.usage, *stats.mutable_swap());
        set_io(*usage.usage, *stats.mutable_io());
    }
    cri::FilesystemUsage &layer = *stats.mutable_writable_layer();
    layer.set_timestamp(cri_time(usage.writable.read));
    layer.mutable_fs_id()->set_mountpoint(data_root.string());
    layer.mutable_used_bytes()->set_value(usage.writable.bytes);
    layer.mutable_inodes_used()->set_value(usage.writable.inodes);
    return stats;
}

cri::PodSandboxStats cri_pod_stats(const engine::PodUsage &usage, const std::filesystem::path &data_root) {
    cri::PodSandboxStats stats;
    const engine::Snapshot &sandbox = usage.sandbox;
    const cri::PodSandbox view = cri_sandbox(sandbox, true);
    cri::PodSandboxAttributes &attributes = *stats.mutable_attributes();
    attributes.set_id(view.id());
    *attributes.mutable_metadata() = view.metadata();
    *attributes.mutable_labels() = view.labels();
    *attributes.mutable_annotations() = view.annotations();
    cri::LinuxPodSandboxStats &numbers = *stats.mutable_linux();
    if (usage.usage) {
        set_cpu(*usage.usage, *numbers.mutable_cpu());
        set_memory(*usage.usage, *numbers.mutable_memory());
        set_io(*usage.usage, *numbers.mutable_io());
        numbers.mutable_process()->set_timestamp(cri_time(usage.usage->read));
        numbers.mutable_process()->mutable_process_count()->set_value(usage.usage->numbers.pids);
    }
    if (sandbox.pod.network) {
        set_network(usage, *numbers.mutable_network());
    }
    for (const engine::ContainerUsage &container : usage.containers) {
        *numbers.add_containers() = cri_container_stats(container, data_root);
    }
    return stats;
}

} // namespace ballast::api
