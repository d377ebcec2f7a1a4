// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/views.h"
#include "runtime/engine/model_json.h"

namespace ballast::api {
namespace {

using engine::Stats;

Json cpu_view(const Stats &sample) {
    return {{"cpu_usage",
             {{"total_usage", sample.cpu_total},
              {"usage_in_kernelmode", sample.cpu_kernel},
              {"usage_in_usermode", sample.cpu_user}}},
            {"system_cpu_usage", sample.system_cpu},
            {"online_cpus", sample.online_cpus},
            {"throttling_data",
             {{"periods", sample.periods},
              {"throttled_periods", sample.throttled_periods},
              {"throttled_time", sample.throttled_time}}}};
}

Json block_view(const Stats &sample) {
    Json entries = Json::array();
    for (const Stats::BlockIo &io : sample.io_service_bytes) {
        entries.push_back({{"major", io.major}, {"minor", io.minor}, {"op", io.operation}, {"value", io.value}});
    }
    return {{"io_service_bytes_recursive", entries.empty() ? Json(nullptr) : std::move(entries)},
            {"io_serviced_recursive", nullptr},
            {"io_queue_recursive", nullptr},
            {"io_service_time_recursive", nullptr},
            {"io_wait_time_recursive", nullptr},
            {"io_merged_recursive", nullptr},
            {"io_time_recursive", nullptr},
            {"sectors_recursive", nullptr}};
}

Json network_stats(const Stats::Network &network) {
    return {{"rx_bytes", network.rx_bytes},     {"rx_packets", network.rx_packets}, {"rx_errors", network.rx_errors},
            {"rx_dropped", network.rx_dropped}, {"tx_bytes", network.tx_bytes},     {"tx_packets", network.tx_packets},
            {"tx_errors", network.tx_errors},   {"tx_dropped", network.tx_dropped}};
}

} // namespace

Json stats_view(const Stats &sample, const Stats *before) {
    static const Stats kNone;
    Json memory = Json::object();
    if (sample.memory_usage > 0 || !sample.memory_stat.empty()) {
        memory = {{"usage", sample.memory_usage}, {"stats", Json(sample.memory_stat)}, {"limit", sample.memory_limit}};
    }
    Json pids = Json::object();
    if (sample.pids > 0) {
        pids["current"] = sample.pids;
        // No limit is the largest number, as cgroup2's "max" reads in Go.
        pids["limit"] = sample.pids_limit == 0 ? ~std::uint64_t{0} : sample.pids_limit;
    }
    Json view{{"read", engine::time_text(sample.read)},
              {"preread", engine::time_text(before == nullptr ? engine::kNever : before->read)},
              {"pids_stats", std::move(pids)},
              {"blkio_stats", block_view(sample)},
              {"num_procs", 0},
              {"storage_stats", Json::object()},
              {"cpu_stats", cpu_view(sample)},
              {"precpu_stats", cpu_view(before == nullptr ? kNone : *before)},
              {"memory_stats", std::move(memory)},
              {"name", "/" + sample.name},
              {"id", sample.id}};
    if (!sample.networks.empty()) {
        view["networks"] = Json::object();
        for (const auto &[name, network] : sample.networks) {
            view["networks"][name] = network_stats(network);
        }
    }
    return view;
}

} // namespace ballast::api
