// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <format>
#include <utility>

#include "updater/health/check.h"
#include "updater/health/workloads.h"

namespace ballast::updater::health {
namespace {

using std::chrono::milliseconds;

constexpr const char *kLogLines = "20";

// One container on its way back.
struct Watched {
    Workload workload;
    std::string started = {}; // of the run that is watched
    milliseconds since{};     // when this run was first seen
    std::string trouble = "it was not looked at";
    bool well = false;
};

// What keeps it from being well; empty: nothing.
std::string trouble_of(const Workload &workload, const Container &container) {
    if (!container.running) {
        const std::string why =
            container.error.empty() ? std::format("exit status {}", container.exit_code) : container.error;
        return container.status == "restarting" ? std::format("ends again and again ({})", why)
                                                : std::format("does not run: {} ({})", container.status, why);
    }
    if (workload.healthy && container.health != "healthy") {
        return std::format("is not healthy: {}{}",
                           container.health.empty() ? "it has no health check any more" : container.health,
                           container.health_output.empty() ? "" : " (" + container.health_output + ")");
    }
    return {};
}

void look_at(const CheckInputs &inputs, Watched &watched) {
    const Result<std::string> answer = inputs.machine.engine("/containers/" + watched.workload.id + "/json");
    if (!answer.has_value()) {
        watched.trouble = answer.error().code == ENOENT ? "is gone" : answer.error().message;
        return;
    }
    const Result<Container> container = parse_container(*answer);
    if (!container.has_value()) {
        watched.trouble = container.error().message;
        return;
    }
    const milliseconds now = inputs.machine.elapsed();
    if (!container->running || container->started != watched.started) {
        watched.started = container->running ? container->started : "";
        watched.since = now;
    }
    watched.trouble = trouble_of(watched.workload, *container);
    const bool settled = container->running && now - watched.since >= inputs.config.settle_time;
    watched.well = watched.trouble.empty() && settled;
    if (watched.trouble.empty() && !settled) {
        watched.trouble = "does not run for long enough";
    }
}

std::vector<std::string> log_of(const CheckInputs &inputs, const Workload &workload) {
    const Result<std::string> body =
        inputs.machine.engine("/containers/" + workload.id + "/logs?stdout=1&stderr=1&tail=" + kLogLines);
    std::vector<std::string> lines = body.has_value() ? parse_log(*body) : std::vector<std::string>{};
    for (std::string &line : lines) {
        line.insert(0, workload.name + ": ");
    }
    return lines;
}

std::string not_judged(const CheckInputs &inputs) {
    const std::vector<std::string> &others = inputs.baseline->other_containers;
    return others.empty() ? "" : "; not judged: " + listed(others);
}

Finding verdict(const CheckInputs &inputs, const std::vector<Watched> &all) {
    std::vector<std::string> troubles, evidence;
    for (const Watched &watched : all) {
        if (!watched.well) {
            troubles.push_back(watched.workload.name + " " + watched.trouble);
            std::ranges::move(log_of(inputs, watched.workload), std::back_inserter(evidence));
        }
    }
    const std::string others = not_judged(inputs);
    if (troubles.empty()) {
        return found_well(std::format("{} of {} containers that ran before run{}", all.size(), all.size(), others));
    }
    return found_wrong("containers that ran before: " + listed(troubles) + others, std::move(evidence));
}

} // namespace

Result<Finding> check_workloads(const CheckInputs &inputs) {
    if (!inputs.baseline || !inputs.baseline->workloads) {
        return found_well("it is not known which containers ran before");
    }
    std::vector<Watched> all;
    for (const Workload &workload : *inputs.baseline->workloads) {
        all.push_back({.workload = workload});
    }
    if (all.empty()) {
        return found_well("no container has to run" + not_judged(inputs));
    }
    TRY(inputs.machine.engine("/_ping"));
    const milliseconds begin = inputs.machine.elapsed();
    const auto patience = [&](const Watched &watched) {
        return std::max<milliseconds>(inputs.config.workload_time,
                                      watched.workload.patience + inputs.config.settle_time);
    };
    const auto longest = patience(*std::ranges::max_element(all, {}, patience));
    (void)wait_for(inputs.machine, longest, [&] { // those that are not well in the end are named below
        bool waiting = false;
        for (Watched &watched : all) {
            if (!watched.well) {
                look_at(inputs, watched);
                waiting = waiting || (!watched.well && inputs.machine.elapsed() - begin < patience(watched));
            }
        }
        return !waiting;
    });
    return verdict(inputs, all);
}

} // namespace ballast::updater::health
