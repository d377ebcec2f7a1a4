// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/node_bench.h"

#include <algorithm>
#include <cstdio>
#include <format>
#include <thread>

#include "base/file_io.h"
#include "base/timestamp.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/cluster_node.h"
#include "tests/bench/node_report.h"
#include "tests/bench/stopwatch.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;
using namespace std::chrono_literals;
using control_plane::Servers;

constexpr int kRounds = 20;
constexpr int kFewPods = 10;
constexpr int kEmulatedFull = 20; // of more the peer would make an hour
constexpr auto kSettle = 30s;     // after pods came or went
constexpr auto kRest = 60s;
constexpr auto kPatience = 60min; // of pods on an emulated machine
constexpr auto kBetweenLooks = 1s;

// A pod that waits, on that node.
std::string pod_document(const std::string &name, const std::string &node) {
    return std::format(R"(---
apiVersion: v1
kind: Pod
metadata: {{name: {0}, labels: {{node: {1}}}}}
spec:
  nodeName: {1}
  automountServiceAccountToken: false
  terminationGracePeriodSeconds: 1
  tolerations: [{{operator: Exists}}]
  containers:
  - {{name: c, image: "bench:latest", imagePullPolicy: Never, command: [/payload, sleep]}}
)",
                       name, node);
}

class Cluster {
  public:
    Cluster(const Servers &servers, std::vector<ClusterNode> nodes) : servers_(servers), nodes_(std::move(nodes)) {}

    Status wait_for_nodes() const {
        for (const ClusterNode &node : nodes_) {
            TRY(wait_for({"--for=condition=Ready", "node/" + node.name()}));
        }
        return {};
    }

    Status measure(const std::string &part, int rounds, int full) {
        for (ClusterNode &node : nodes_) {
            TRY((part == "memory" ? measure_memory(node) : Status()).within(node.name()));
        }
        for (int round = -1; part == "lives" && round < rounds; ++round) {
            for (ClusterNode &node : nodes_) {
                TRY(measure_life(node, round).within(node.name()));
            }
        }
        for (ClusterNode &node : nodes_) {
            TRY((part == "starts" ? measure_full(node, full) : Status()).within(node.name()));
        }
        return {};
    }

    std::vector<EngineSamples> results() const {
        std::vector<EngineSamples> all;
        for (const ClusterNode &node : nodes_) {
            all.push_back({.name = node.name(), .samples = node.samples});
        }
        return all;
    }

  private:
    Status kubectl(std::vector<std::string> words, const std::string &input = "") const {
        (void)TRY(output_of(std::move(words), input));
        return {};
    }

    Result<std::string> output_of(std::vector<std::string> words, const std::string &input = "") const {
        Completed done = TRY(servers_.kubectl(std::move(words), input));
        if (done.status != 0) {
            return fail(EIO, "kubectl: " + done.errors);
        }
        return done.output;
    }

    // kubectl itself waits for two minutes at most here: it is asked again until it says that it is so.
    Status wait_for(std::vector<std::string> words) const {
        words.insert(words.begin(), {"wait", "--timeout=60s"});
        const auto end = std::chrono::steady_clock::now() + kPatience;
        for (;;) {
            const Completed done = TRY(servers_.kubectl(words));
            if (done.status == 0) {
                return {};
            }
            if (std::chrono::steady_clock::now() > end) {
                return fail(ETIMEDOUT, "kubectl wait: " + done.errors);
            }
            std::this_thread::sleep_for(kBetweenLooks);
        }
    }

    static void take(ClusterNode &node, const std::string &key, double value) {
        node.samples[key].push_back(value);
        std::fprintf(stderr, "%s %zu, %s %.1f\n", key.c_str(), node.samples[key].size(), node.name().c_str(), value);
    }

    Status run_pods(const ClusterNode &node, int count) const {
        std::string documents;
        for (int i = 0; i < count; ++i) {
            documents += pod_document(std::format("{}-{}", node.name(), i), node.name());
        }
        TRY(kubectl({"create", "-f", "-"}, documents));
        return wait_for({"--for=condition=Ready", "pods", "-l", "node=" + node.name()});
    }

    Status remove_pods(const ClusterNode &node) const {
        TRY(kubectl({"delete", "pods", "-l", "node=" + node.name(), "--wait=false"}));
        return wait_for({"--for=delete", "pods", "-l", "node=" + node.name()});
    }

    Status measure_memory(ClusterNode &node) {
        std::this_thread::sleep_for(kSettle);
        take(node, "idle", TRY(node.processes()).samples["memory"].front());
        TRY(run_pods(node, kFewPods));
        std::this_thread::sleep_for(kSettle);
        EngineSamples before = TRY(node.processes());
        std::this_thread::sleep_for(kRest);
        EngineSamples after = TRY(node.processes());
        const std::string agent = node.name() == "ballast" ? "ballast-agent" : "kubelet";
        take(node, "pods", after.samples["memory"].front());
        take(node, "agent", after.samples[agent].front());
        const auto share = [&](const std::string &key) { // of a processor, in percent
            const double used = after.samples[key].front() - before.samples[key].front();
            return 100 * used / std::chrono::duration<double, std::milli>(kRest).count();
        };
        take(node, "rest", share("cpu"));
        take(node, "agent rest", share("cpu of " + agent));
        return remove_pods(node);
    }

    // The first one does not count: caches, and what a first pod takes for good.
    Status measure_life(ClusterNode &node, int round) {
        const std::string name = std::format("{}-life-{}", node.name(), round + 1);
        Stopwatch watch;
        TRY(kubectl({"create", "-f", "-"}, pod_document(name, node.name())));
        TRY(wait_for({"--for=condition=Ready", "pod/" + name}));
        const double ready = watch.lap();
        const double stamps = TRY(by_the_stamps(name));
        watch.lap();
        TRY(kubectl({"delete", "pod", name, "--wait=false"}));
        TRY(wait_for({"--for=delete", "pod/" + name}));
        const double gone = watch.lap();
        if (round >= 0) {
            take(node, "ready", ready);
            take(node, "stamps", stamps);
            take(node, "gone", gone);
        }
        return {};
    }

    // Seconds: the API server's times are no finer.
    Result<double> by_the_stamps(const std::string &pod) const {
        const std::string text = TRY(output_of(
            {"get", "pod", pod, "-o",
             "jsonpath={.metadata.creationTimestamp} {.status.conditions[?(@.type=='Ready')].lastTransitionTime}"}));
        const std::size_t space = std::min(text.find(' '), text.size() - 1);
        const auto made = parse_timestamp_seconds(std::string_view(text).substr(0, space));
        const auto ready = parse_timestamp_seconds(std::string_view(text).substr(space + 1));
        if (!made || !ready) {
            return fail(EPROTO, "the times of pod " + pod + ": " + text);
        }
        return static_cast<double>(*ready - *made);
    }

    Status measure_full(ClusterNode &node, int count) {
        Stopwatch watch;
        TRY(run_pods(node, count));
        take(node, "full", watch.lap());
        return remove_pods(node);
    }

    const Servers &servers_;
    std::vector<ClusterNode> nodes_;
};

Result<std::vector<ClusterNode>> nodes_of(const Settings &settings, const Servers &servers) {
    std::vector<ClusterNode> nodes;
    nodes.push_back(TRY(ClusterNode::ours(settings, servers)));
    Result<ClusterNode> peer = ClusterNode::theirs(settings, servers);
    if (peer.has_value()) {
        nodes.push_back(std::move(*peer));
    } else if (peer.error().code == ENOENT) {
        std::fprintf(stderr, "ours alone: %s\n", peer.error().message.c_str());
    } else {
        return std::unexpected(peer.error());
    }
    return nodes;
}

} // namespace

Status bench_node(const Settings &settings) {
    TRY(make_directories(settings.results()));
    TRY(remove_tree(settings.logs() / "node"));
    const int full = TRY(pods_together(settings, kEmulatedFull));
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create(settings.results(), "node-"));
    const Servers servers = TRY(Servers::start({.directory = fs::absolute(scratch.path()), .name = kHostOfGuests}));
    Cluster cluster(servers, TRY(nodes_of(settings, servers)));
    TRY(cluster.wait_for_nodes());
    for (const char *part : {"memory", "lives", "starts"}) {
        if (settings.parts.empty() || std::ranges::contains(settings.parts, part)) {
            TRY(cluster.measure(part, settings.rounds_or(kRounds), full));
        }
    }
    std::vector<EngineSamples> results = cluster.results();
    results.resize(2, EngineSamples{.name = "kubelet"}); // of which nothing was measured
    const Report report{.bench = "node", .peer = "kubelet", .results = compare_nodes(results, full)};
    const fs::path file = settings.results() / "node.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n%s\n%s\n", table(report).c_str(), node_remarks(results.front()).c_str(), file.c_str());
    return {};
}

} // namespace ballast::bench
