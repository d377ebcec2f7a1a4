// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/volume_limits.h"

#include <algorithm>
#include <format>
#include <variant>

#include "agent/cri_client/labels.h"
#include "agent/volumes/pod_directory.h"
#include "base/tree_size.h"

namespace ballast::agent {
namespace {

// In bytes. Nothing: it may hold what the disk does.
std::optional<Quantity> limit_of(const Volume &volume) {
    const auto *empty = std::get_if<EmptyDir>(&volume.source);
    const bool limited = empty != nullptr && !empty->memory && empty->limit && empty->limit->milli() > 0;
    return limited ? empty->limit : std::nullopt;
}

bool is_of_cluster(const Pod &pod) {
    const auto source = pod.annotations.find(labels::kConfigSource);
    return source != pod.annotations.end() && source->second == "api";
}

std::optional<std::string> beyond_limit(const Pod &pod, const std::filesystem::path &root) {
    const PodDirectory directory(root, pod.uid);
    for (const Volume &volume : pod.volumes) {
        const std::optional<Quantity> limit = limit_of(volume);
        if (limit && tree_use(directory.empty_dir(volume.name)).bytes > static_cast<std::uint64_t>(limit->whole())) {
            return std::format("Usage of EmptyDir volume \"{}\" exceeds the limit \"{}\". ", volume.name,
                               limit->text());
        }
    }
    return std::nullopt;
}

} // namespace

bool is_limited(const Pod &pod) {
    return is_of_cluster(pod) && pod.priority.value_or(0) < kSystemCritical &&
           std::ranges::any_of(pod.volumes, [](const Volume &volume) { return limit_of(volume).has_value(); });
}

std::vector<Pod> limited_pods(const Pods &pods) {
    std::vector<Pod> limited;
    for (const auto &[uid, life] : pods.all()) {
        if (life->wanted() && is_limited(life->pod())) {
            limited.push_back(life->pod());
        }
    }
    return limited;
}

std::vector<Eviction> beyond_limits(const std::vector<Pod> &pods, const std::filesystem::path &root,
                                    const std::stop_token &stop) {
    std::vector<Eviction> evictions;
    for (const Pod &pod : pods) {
        if (stop.stop_requested()) {
            break;
        }
        if (const auto why = beyond_limit(pod, root)) {
            evictions.push_back({.uid = pod.uid, .why = *why});
        }
    }
    return evictions;
}

} // namespace ballast::agent
