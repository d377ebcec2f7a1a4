// SPDX-License-Identifier: Apache-2.0
// ballast-cri-measure: times container runtimes in turn over Kubernetes' interface (CRI) and prints what it found as
// JSON. Runs in a test machine; `./dev bench cri` calls it and reads the result.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <deque>
#include <format>
#include <thread>

#include "tests/bench/engine_processes.h"
#include "tests/bench/engine_samples.h"
#include "tests/bench/exit_status.h"
#include "tests/bench/measured_engine.h"
#include "tests/bench/pod_client.h"
#include "tests/bench/stopwatch.h"

namespace ballast::bench {
namespace {

using Strings = std::vector<std::string>;
using Pods = std::vector<PodClient::Pod>;

constexpr int kWarmUp = 1;       // pods that do not count: caches, and memory that a first pod takes for good
constexpr int kLivesAStart = 10; // so many pods are timed one by one for each time that many are started
constexpr int kIdlePods = 5;     // whose memory is measured
constexpr std::chrono::seconds kSettle{10};

struct Arguments {
    std::string image; // whose /payload waits with "sleep"
    int rounds = 10;
    int pods = 110; // started one after the other, and at once
    Strings parts;  // none: all
    Strings engines;
};

// A runtime under measurement, and what was found out about it.
struct Side {
    Engine engine;
    PodClient client;
    std::map<std::string, std::vector<double>> samples{};
    int made = 0;

    explicit Side(Engine given) : engine(std::move(given)), client(engine.socket) {}
    std::string next_name() { return std::format("pod-{}", ++made); }
};
using Sides = std::deque<Side>; // a client does not move

// Who waits sees that it goes on: the newest sample.
void take(Side &side, const std::string &key, double sample) {
    side.samples[key].push_back(sample);
    std::fprintf(stderr, "%s %zu, %s %.1f\n", key.c_str(), side.samples[key].size(), side.engine.name.c_str(), sample);
}

Status run_in_turn(Side &side, int count, Pods &pods) {
    for (int i = 0; i < count; ++i) {
        pods.push_back(TRY(side.client.run(side.next_name())));
    }
    return {};
}

Status remove_all(Side &side, const Pods &pods) {
    for (const PodClient::Pod &pod : pods) {
        TRY(side.client.remove(pod));
    }
    return {};
}

Status run_together(Side &side, int count, Pods &pods) {
    std::vector<Result<PodClient::Pod>> outcomes(static_cast<std::size_t>(count), PodClient::Pod());
    {
        std::vector<std::jthread> clients;
        for (Result<PodClient::Pod> &outcome : outcomes) {
            clients.emplace_back([&outcome, &side, name = side.next_name()] { outcome = side.client.run(name); });
        }
    }
    for (Result<PodClient::Pod> &outcome : outcomes) {
        pods.push_back(TRY(std::move(outcome)));
    }
    return {};
}

// What a runtime holds by itself, its first process alone as well, and what each pod adds to that.
Status measure_memory(Sides &sides, const Arguments &) {
    for (Side &side : sides) {
        Pods pods;
        TRY(run_in_turn(side, kWarmUp, pods));
        TRY(remove_all(side, pods));
        std::this_thread::sleep_for(kSettle);
        ProcessTotals idle = TRY(totals_of(side.engine.processes));
        take(side, "memory_daemon", idle.largest[side.engine.processes.front()]);
        take(side, "memory_idle", idle.pss_mib);
        pods.clear();
        TRY(run_in_turn(side, kIdlePods, pods));
        std::this_thread::sleep_for(kSettle);
        const ProcessTotals busy = TRY(totals_of(side.engine.processes));
        take(side, "memory_pod", (busy.pss_mib - idle.pss_mib) / kIdlePods);
        TRY(remove_all(side, pods));
    }
    return {};
}

Status measure_lives(Sides &sides, const Arguments &arguments) {
    for (int round = -kWarmUp; round < arguments.rounds; ++round) {
        for (Side &side : sides) {
            const PodClient::Pod pod = TRY(side.client.run(side.next_name()).within(side.engine.name));
            Stopwatch watch;
            TRY(side.client.remove(pod).within(side.engine.name));
            const double remove = watch.lap();
            if (round < 0) {
                continue;
            }
            side.samples["sandbox"].push_back(pod.times.sandbox);
            side.samples["create"].push_back(pod.times.create);
            side.samples["start"].push_back(pod.times.start);
            side.samples["remove"].push_back(remove);
            take(side, "pod", pod.times.sandbox + pod.times.create + pod.times.start);
        }
    }
    return {};
}

Status measure_starts(Sides &sides, const Arguments &arguments) {
    const std::pair<const char *, Status (*)(Side &, int, Pods &)> ways[] = {{"in_turn", run_in_turn},
                                                                             {"together", run_together}};
    for (int round = 0; round < std::max(1, arguments.rounds / kLivesAStart); ++round) {
        for (const auto &[key, run] : ways) {
            for (Side &side : sides) {
                Pods pods;
                Stopwatch watch;
                TRY(run(side, arguments.pods, pods).within(side.engine.name));
                take(side, key, watch.lap());
                TRY(remove_all(side, pods).within(side.engine.name));
            }
        }
    }
    return {};
}

struct Part {
    const char *name;
    Status (*measure)(Sides &, const Arguments &);
};
constexpr Part kParts[] = {{"memory", measure_memory}, {"lives", measure_lives}, {"starts", measure_starts}};

Status measure(const Arguments &arguments) {
    Sides sides;
    for (const std::string &text : arguments.engines) {
        Side &side = sides.emplace_back(TRY(engine_of(text)));
        TRY(side.client.prepare(arguments.image).within(side.engine.name));
    }
    for (const Part &part : kParts) {
        if (arguments.parts.empty() || std::ranges::contains(arguments.parts, part.name)) {
            TRY(part.measure(sides, arguments).within(part.name));
        }
    }
    std::vector<EngineSamples> results;
    for (const Side &side : sides) {
        results.push_back({.name = side.engine.name, .samples = side.samples});
    }
    std::fputs(to_json(results).c_str(), stdout);
    return {};
}

int main_measure(int argc, char **argv) {
    Arguments arguments;
    CLI::App app("Times container runtimes in turn over Kubernetes' interface.", "ballast-cri-measure");
    app.add_option("--image", arguments.image, "NAME:TAG that both have, whose /payload sleeps")->required();
    app.add_option("-n,--rounds", arguments.rounds, "how many pods are timed one by one")->capture_default_str();
    app.add_option("--pods", arguments.pods, "how many are started together")->capture_default_str();
    app.add_option("--part", arguments.parts, "memory, lives, starts; all when none is named")
        ->check(CLI::IsMember({"memory", "lives", "starts"}))
        ->allow_extra_args(false);
    app.add_option("engine", arguments.engines, "NAME=SOCKET,PROCESS[,PROCESS]...")->required();
    CLI11_PARSE(app, argc, argv);
    return exit_status_of(measure(arguments));
}

} // namespace
} // namespace ballast::bench

int main(int argc, char **argv) { return ballast::bench::main_measure(argc, argv); }
