// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/log_upkeep.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include "agent/logs/log_links.h"
#include "agent/logs/log_rotation.h"
#include "agent/worker/jobs.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {

std::vector<KeptLog> logs_of(const Pods &pods) {
    std::vector<KeptLog> logs;
    for (const auto &[uid, pod] : pods.all()) {
        if (pod->state() == PodState::kCleaning || pod->state() == PodState::kGone) {
            continue; // they go
        }
        for (const ObservedContainer &container : pod->observed().containers) {
            if (!container.log_path.empty()) {
                logs.push_back({.container = container.id,
                                .file = container.log_path,
                                .written = container.running(),
                                .link = link_name(pod->pod(), container)});
            }
        }
    }
    return logs;
}

void LogUpkeep::tend(const std::vector<KeptLog> &logs, const std::stop_token &stop) {
    {
        std::atomic<std::size_t> next = 0;
        const auto work = [&] {
            for (std::size_t i = next++; i < logs.size() && !stop.stop_requested(); i = next++) {
                tend(logs[i]);
            }
        };
        const auto workers = static_cast<std::size_t>(world_.options.config.upkeep.log_workers);
        std::vector<std::jthread> others(std::min(workers, std::max<std::size_t>(logs.size(), 1)) - 1);
        std::ranges::generate(others, [&] { return std::jthread(work); });
        work();
    }
    std::vector<LogLink> links;
    for (const KeptLog &log : logs) {
        links.push_back({.name = log.link, .log = log.file, .written = log.written});
    }
    told("", keep_log_links(world_.options.container_logs, links));
    const std::lock_guard lock(mutex_);
    std::erase_if(troubles_, [&](const auto &trouble) {
        return !trouble.first.empty() && !std::ranges::contains(logs, trouble.first, &KeptLog::container);
    });
}

void LogUpkeep::tend(const KeptLog &log) {
    const KubeletConfig &config = world_.options.config;
    if (!log.written) {
        told(log.container, mend_log(config.pod_logs, log.file));
        return;
    }
    const LogLimits limits{.bytes = config.upkeep.log_bytes,
                           .files = static_cast<std::size_t>(config.upkeep.log_files)};
    const Status done = rotate_log(config.pod_logs, log.file, limits, now_ns(),
                                   [&] { return world_.runtime.reopen_log(log.container); });
    if (!done.has_value()) {
        const Result<ObservedContainer> now = world_.runtime.container(log.container);
        if (now.has_value() ? !now->running() : now.error().code == ENOENT) {
            return; // it has ended meanwhile
        }
    }
    told(log.container, done);
}

void LogUpkeep::told(const std::string &container, const Status &done) {
    const std::lock_guard lock(mutex_);
    if (done.has_value()) {
        troubles_.erase(container);
    } else if (std::string &last = troubles_[container]; last != done.error().message) {
        last = done.error().message;
        const std::string what = container.empty() ? "links to logs" : "the log of container " + container;
        log::warning(what + ": " + last + "; tried again", {{"CONTAINER_ID", container}});
    }
}

} // namespace ballast::agent
