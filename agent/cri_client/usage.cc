// SPDX-License-Identifier: Apache-2.0
#include "agent/cri_client/usage.h"

#include <runtime/v1/api.pb.h>

#include "agent/cri_client/labels.h"

namespace ballast::agent {
namespace {

namespace cri = ::runtime::v1;

template <typename Labels>
std::string label(const Labels &labels, const char *name) {
    const auto found = labels.find(name);
    return found == labels.end() ? "" : found->second;
}

// Of containers and of pods.
template <typename Stats>
Usage cgroup_of(const Stats &stats) {
    const auto amount = [](bool there, const cri::UInt64Value &value) {
        return there ? Amount(value.value()) : std::nullopt;
    };
    const cri::CpuUsage &cpu = stats.cpu();
    const cri::MemoryUsage &memory = stats.memory();
    return {.time = stats.has_cpu() ? cpu.timestamp() : memory.timestamp(),
            .cpu = amount(cpu.has_usage_core_nano_seconds(), cpu.usage_core_nano_seconds()),
            .nano_cores = amount(cpu.has_usage_nano_cores(), cpu.usage_nano_cores()),
            .memory = amount(memory.has_usage_bytes(), memory.usage_bytes()),
            .working_set = amount(memory.has_working_set_bytes(), memory.working_set_bytes()),
            .available = amount(memory.has_available_bytes(), memory.available_bytes()),
            .resident = amount(memory.has_rss_bytes(), memory.rss_bytes()),
            .faults = amount(memory.has_page_faults(), memory.page_faults()),
            .major_faults = amount(memory.has_major_page_faults(), memory.major_page_faults())};
}

InterfaceUsage interface_of(const cri::NetworkInterfaceUsage &from) {
    return {.name = from.name(),
            .received = from.rx_bytes().value(),
            .receive_errors = from.rx_errors().value(),
            .sent = from.tx_bytes().value(),
            .send_errors = from.tx_errors().value()};
}

ContainerUsage container_of(const cri::ContainerStats &from) {
    ContainerUsage to{.name = label(from.attributes().labels(), labels::kContainerName), .usage = cgroup_of(from)};
    to.name = to.name.empty() ? from.attributes().metadata().name() : to.name;
    if (from.has_writable_layer()) {
        to.files_time = from.writable_layer().timestamp();
        to.file_bytes = from.writable_layer().used_bytes().value();
        to.inodes = from.writable_layer().inodes_used().value();
    }
    return to;
}

} // namespace

PodUsage usage_of(const cri::PodSandboxStats &stats) {
    const auto &known = stats.attributes().labels();
    PodUsage pod{.uid = label(known, labels::kPodUid),
                 .name = label(known, labels::kPodName),
                 .name_space = label(known, labels::kPodNamespace),
                 .usage = cgroup_of(stats.linux())};
    if (stats.linux().process().has_process_count()) {
        pod.processes = stats.linux().process().process_count().value();
    }
    const cri::NetworkUsage &network = stats.linux().network();
    pod.network_time = network.timestamp();
    if (network.has_default_interface()) {
        pod.networks.push_back(interface_of(network.default_interface()));
    }
    for (const cri::NetworkInterfaceUsage &one : network.interfaces()) {
        pod.networks.push_back(interface_of(one));
    }
    for (const cri::ContainerStats &container : stats.linux().containers()) {
        pod.containers.push_back(container_of(container));
    }
    return pod;
}

} // namespace ballast::agent
