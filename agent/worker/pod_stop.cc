// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/jobs.h"

#include <algorithm>
#include <format>
#include <functional>
#include <thread>

#include "agent/cri_client/labels.h"
#include "agent/logs/log_links.h"
#include "agent/pods/quantity.h"
#include "agent/pods/read_pod.h"
#include "agent/probes/action.h"
#include "agent/volumes/pod_directory.h"
#include "base/file_io.h"
#include "base/json/json_cursor.h"

#include "agent/pods/sandbox_config.h"

namespace ballast::agent {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::seconds;

constexpr seconds kLeastGrace{2}; // what a hook leaves of the time in any case

// From the definition, or from what was written beside the container when it was made.
std::optional<Action> pre_stop_of(const Pod &pod, const ObservedContainer &container) {
    if (const Container *defined = find_container(pod, container.name)) {
        return defined->pre_stop;
    }
    const std::string text = container.annotation(labels::kPreStop);
    Result<JsonDocument> document = JsonDocument::parse(text.empty() ? "{}" : text, "hook");
    if (!document.has_value()) {
        return std::nullopt;
    }
    std::optional<Action> action = read_action(JsonCursor(*document));
    return document->status().has_value() ? action : std::nullopt;
}

std::string address_of(const World &world, const Pod &pod, const ObservedPod &observed) {
    if (pod.host_network || observed.sandbox() == nullptr) {
        return world.node_address;
    }
    return world.runtime.sandbox_address(observed.sandbox()->id).value_or("");
}

seconds grace_of(const Pod &pod, const ObservedPod &observed, std::optional<std::int64_t> asked) {
    std::int64_t grace = asked.value_or(pod.grace);
    if (!asked && pod.containers.empty() && !observed.containers.empty()) {
        grace = number_in(observed.containers.front().annotation(labels::kPodGrace)).value_or(pod.grace);
    }
    return seconds(std::max<std::int64_t>(grace, 1));
}

bool is_sidecar(const Pod &pod, const std::string &name) {
    const Container *container = find_container(pod, name);
    return container != nullptr && container->sidecar;
}

// All at once; the first error of them.
Status all_together(const std::vector<const ObservedContainer *> &containers,
                    const std::function<Status(const ObservedContainer &)> &act) {
    std::vector<Status> results(containers.size());
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < containers.size(); i++) {
            threads.emplace_back([&, i] { results[i] = act(*containers[i]); });
        }
    }
    const auto failed = std::ranges::find_if(results, [](const Status &status) { return !status.has_value(); });
    return failed == results.end() ? Status() : *failed;
}

Status stop_together(const World &world, const Job &job, const std::vector<const ObservedContainer *> &containers,
                     seconds grace) {
    return all_together(containers, [&](const ObservedContainer &container) {
        return stop_container(world, *job.pod, job.observed, container, grace, "Stopping container " + container.name,
                              job.stop);
    });
}

bool may_run(const ObservedContainer &container) {
    return container.running() || container.state == ContainerState::kUnknown;
}

// A pod's own containers together, then its sidecars, the last one first. What is left of the grace is theirs, too.
Status stop_containers(const World &world, const Job &job, seconds grace) {
    const auto end = Clock::now() + grace;
    std::vector<const ObservedContainer *> own, sidecars;
    for (const ObservedContainer &container : job.observed.containers) {
        if (may_run(container)) {
            (is_sidecar(*job.pod, container.name) ? sidecars : own).push_back(&container);
        }
    }
    TRY(stop_together(world, job, own, grace));
    const auto place = [&](const ObservedContainer *container) {
        return std::ranges::find(job.pod->init_containers, container->name, &Container::name) -
               job.pod->init_containers.begin();
    };
    std::ranges::sort(sidecars, std::greater(), place);
    for (const ObservedContainer *sidecar : sidecars) {
        const seconds left = std::max(kLeastGrace, std::chrono::duration_cast<seconds>(end - Clock::now()));
        TRY(stop_together(world, job, {sidecar}, std::min(left, grace)));
    }
    return {};
}

Status stop_all(const World &world, const Job &job, std::optional<std::int64_t> grace) {
    TRY(stop_containers(world, job, grace_of(*job.pod, job.observed, grace)));
    for (const ObservedSandbox &sandbox : job.observed.sandboxes) {
        if (sandbox.ready) {
            TRY(world.runtime.stop_sandbox(sandbox.id));
        }
    }
    return {};
}

Status clean_all(const World &world, const Job &job) {
    for (const ObservedContainer &container : job.observed.containers) {
        TRY(unlink_log(world.options.container_logs, link_name(*job.pod, container)));
    }
    for (const ObservedSandbox &sandbox : job.observed.sandboxes) {
        TRY(world.runtime.stop_sandbox(sandbox.id)); // gives its network back; nothing when that was done
        TRY(world.runtime.remove_sandbox(sandbox.id));
    }
    TRY(PodDirectory(world.options.root_directory, job.pod->uid).remove());
    TRY(remove_tree(std::filesystem::path(world.options.config.pod_logs) / log_directory_name(*job.pod)));
    return world.drop_slice ? world.drop_slice(slice_of(*job.pod)) : Status();
}

JobResult result_of(const World &world, const Job &job, const Status &status) {
    if (!status.has_value() && status.error().code != ECANCELED) {
        world.note(
            *job.pod,
            {.warning = true, .reason = "FailedKillPod", .message = "error killing pod: " + status.error().message});
    }
    return {.waiting = {}, .sandbox = {}, .failed = !status.has_value()};
}

} // namespace

Status stop_container(const World &world, const Pod &pod, const ObservedPod &observed,
                      const ObservedContainer &container, seconds grace, const std::string &reason,
                      const std::stop_token &stop) {
    world.note(pod, {.reason = "Killing", .message = reason});
    const auto end = Clock::now() + grace;
    if (const std::optional<Action> hook = pre_stop_of(pod, container)) {
        const Target target{.container_id = container.id,
                            .address = address_of(world, pod, observed),
                            .container = find_container(pod, container.name)};
        const Status done = run_action(*hook, target, {world.runtime, world.http}, grace, stop);
        if (!done.has_value() && !stop.stop_requested()) {
            world.note(pod, {.warning = true,
                             .reason = "FailedPreStopHook",
                             .message = "PreStopHook failed: " + done.error().message});
        }
    }
    const auto left = std::chrono::duration_cast<seconds>(end - Clock::now());
    const Status stopped =
        world.runtime.stop_container(container.id, std::clamp(left, std::min(kLeastGrace, grace), grace));
    return !stopped.has_value() && stopped.error().code == ENOENT ? Status() : stopped;
}

JobResult stop_pod(const World &world, const Job &job, std::optional<std::int64_t> grace) {
    return result_of(world, job, stop_all(world, job, grace));
}

void hurry_pod(const World &world, const Job &job, std::int64_t grace) {
    std::vector<const ObservedContainer *> running;
    for (const ObservedContainer &container : job.observed.containers) {
        if (may_run(container)) {
            running.push_back(&container);
        }
    }
    // What cannot be stopped now is told by the job that waits for it.
    (void)all_together(running, [&](const ObservedContainer &container) {
        return world.runtime.stop_container(container.id, seconds(std::max<std::int64_t>(grace, 1)));
    });
}

JobResult clean_pod(const World &world, const Job &job) { return result_of(world, job, clean_all(world, job)); }

} // namespace ballast::agent
