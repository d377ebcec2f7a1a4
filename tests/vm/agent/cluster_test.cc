// SPDX-License-Identifier: Apache-2.0
// Two machines of the image in one real cluster. Machines and a control plane take minutes to come up, so what can be
// seen in one cluster is one test: its steps are told, each with its time.
#include <algorithm>
#include <array>
#include <chrono>
#include <format>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/http/client.h"
#include "base/timestamp.h"
#include "tests/vm/agent/two_nodes.h"

using namespace ballast;
using namespace ballast::vm;
using namespace std::chrono_literals;

namespace {

using Texts = std::vector<std::string>;

constexpr std::array kUnreachable = {"i/o timeout", "TLS handshake timeout"};

std::string workloads() {
    std::string text = checkout_file("tests/vm/agent/workloads.yaml");
    const std::string name = "image: ", word = name + "IMAGE";
    for (std::size_t at = 0; (at = text.find(word, at)) != std::string::npos;) {
        text.replace(at, word.size(), name + TwoNodes::image());
    }
    return text;
}

class Cluster : public TwoNodes {
  public:
    // `begun`: before the machines.
    explicit Cluster(std::chrono::steady_clock::time_point begun = std::chrono::steady_clock::now()) : last_(begun) {
        told("the control plane and both machines are up");
    }

    // The end of a step.
    void told(const std::string &step) {
        const auto now = std::chrono::steady_clock::now();
        std::cout << std::format("{:4} s  {}\n", std::chrono::ceil<std::chrono::seconds>(now - last_).count(), step)
                  << std::flush;
        last_ = now;
    }

    // An emulated machine that starts many pods may not answer for seconds: it is asked again.
    std::string kubectl(const Texts &words, const std::string &input = "") {
        Completed done;
        until("the node can be reached", [&] {
            done = plane().kubectl(words, input);
            return done.status == 0 ||
                   std::ranges::none_of(kUnreachable, [&](const char *error) { return done.errors.contains(error); });
        });
        INFO(done.errors);
        REQUIRE(done.status == 0);
        return done.output;
    }
    std::string pod_on(const std::string &app, const std::string &node) const {
        const Texts pods = ready_pods("app=" + app, node);
        INFO(app << " on " << node);
        REQUIRE_FALSE(pods.empty());
        return pods.front();
    }
    std::string page(const std::string &url) {
        const auto answer = client_.send({.url = must(http::parse_url(url))});
        return answer.has_value() && answer->head.status == 200 ? answer->body : "";
    }
    // As metrics-server does: by the node's own address and a service account's token.
    std::string read_of_node(const std::string &address, const std::string &target) {
        http::ClientRequest request{.url = must(http::parse_url("https://" + address + ":10250" + target))};
        request.tls.verify = false;
        request.headers = {{"Authorization", "Bearer " + token()}};
        const http::ClientResponse answer = must(client_.send(request));
        INFO(answer.body);
        REQUIRE(answer.head.status == 200);
        return answer.body;
    }
    // How often the StatefulSet's pod has started, by what is in its volume.
    std::size_t starts(const std::string &pod) const {
        const Completed read = plane().kubectl({"exec", pod, "--", "cat", "/data/starts"});
        return read.status == 0 ? lines_of(read.output).size() : 0;
    }
    bool all_ready(const std::string &app, std::size_t count) const { return ready_pods("app=" + app).size() == count; }

    void join();
    void run_workloads();
    void talk_to(const std::string &node);
    void follow_objects();
    void obey_probes();
    void roll();
    void measure(const std::string &node, const std::string &address);
    void scale();
    void drain();
    void lose_power();

  private:
    std::string token() {
        if (token_.empty()) {
            const std::string answer =
                kubectl({"create", "--raw", "/api/v1/namespaces/default/serviceaccounts/metrics/token", "-f", "-"},
                        R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})");
            token_ = nlohmann::json::parse(answer)["status"]["token"].get<std::string>();
        }
        return token_;
    }

    http::Client client_;
    std::string token_;
    std::chrono::steady_clock::time_point last_;
};

void Cluster::join() {
    for (const char *node : {"one", "two"}) {
        until("node " + std::string(node) + " is ready", [&] { return is_ready("node/" + std::string(node)); });
        const std::string name = "node/" + std::string(node);
        const std::string booted =
            said(machine(node), "systemctl show --timestamp=unix -P ActiveEnterTimestamp multi-user.target | tr -d @");
        const auto since =
            parse_timestamp_seconds(get(name, "{.status.conditions[?(@.type=='Ready')].lastTransitionTime}"));
        REQUIRE(since);
        std::cout << std::format("        {} was ready {} s after multi-user.target\n", node,
                                 *since - std::stoll(booted));
        CHECK(get(name, "{.metadata.labels.zone}") == node);
        CHECK(get(name, "{.status.nodeInfo.osImage}").contains("Ballast"));
        CHECK(said(machine(node), "stat -c %a /etc/kubernetes/kubelet.conf") == "600");
    }
    CHECK(get("node/two", "{.status.addresses[?(@.type=='InternalIP')].address}") == kTwo);
    // The scheduler may place pods here.
    until("no node has a taint", [&] { return get("nodes", "{.items[*].spec.taints}").empty(); });
}

void Cluster::run_workloads() {
    until("the controllers have their accounts",
          [&, text = workloads()] { return plane().kubectl({"apply", "-f", "-"}, text).status == 0; });
    until("all pods run", [&] {
        return all_ready("rolled", 3) && all_ready("every", 2) && all_ready("echo", 2) && all_ready("data", 2) &&
               get("job/sums", "{.status.succeeded}") == "4";
    });
    const Texts sums = lines_of(kubectl({"logs", "-l", "job-name=sums", "--tail=-1"}));
    CHECK(std::ranges::count(sums, "42") == 4);
    // Each of them has a disk of its own node, and its name.
    CHECK(get(Texts{"pods", "-l", "app=data"}, "{.items[*].spec.nodeName}").size() == std::string("one two").size());
    CHECK(get("pod/data-0", "{.spec.nodeName}") != get("pod/data-1", "{.spec.nodeName}"));
    CHECK(kubectl({"exec", "data-0", "--", "cat", "/data/starts"}) == "data-0\n");
    CHECK(kubectl({"exec", "data-1", "--", "stat", "-c", "%u:%g", "/data/starts"}) == "1000:2000\n");
}

void Cluster::talk_to(const std::string &node) {
    const std::string pod = pod_on("every", node);
    CHECK(kubectl({"logs", pod}) == "I am on " + node + "\n");
    CHECK(kubectl({"exec", "-i", pod, "--", "sh", "-c", "cat; hostname"}, "by exec\n") == "by exec\n" + pod + "\n");
    CHECK(plane().kubectl({"exec", pod, "--", "sh", "-c", "exit 7"}).errors.contains("exit code 7"));
    CHECK(kubectl({"attach", "-i", pod_on("echo", node)}, "by attach\n").contains("by attach\n"));

    const TemporaryDirectory files = scratch();
    const std::string much(500'000, 'x');
    must(write_file(files.path() / "in", much));
    (void)kubectl({"cp", (files.path() / "in").string(), pod + ":/tmp/copied"});
    (void)kubectl({"cp", pod + ":/tmp/copied", (files.path() / "out").string()});
    CHECK(must(read_file(files.path() / "out")) == much);

    const Child forward =
        must(Child::start({.arguments = {"kubectl", "--kubeconfig", plane().path("admin.conf").string(), "port-forward",
                                         "pod/" + pod, "18080:8080"},
                           .log = files.path() / "forward"}));
    until("a port of " + pod + " is reached", [&] { return page("http://127.0.0.1:18080/word/password") == "xyzzy"; });
}

// What was mounted follows, on both nodes.
void Cluster::follow_objects() {
    const std::string inside = "cat /from/settings/colour /from/word/password";
    for (const char *node : {"one", "two"}) {
        until("volumes follow on " + std::string(node), [&] {
            return plane().kubectl({"exec", pod_on("every", node), "--", "sh", "-c", inside}).output == "blueplugh";
        });
    }
}

void Cluster::obey_probes() {
    until("the frail one is ready", [&] { return is_ready("pod/frail"); });
    CHECK(get("pod/frail", "{.status.containerStatuses[0].restartCount}") == "0");
    until("the gated one runs", [&] { return get("pod/gated", "{.status.phase}") == "Running"; });
    CHECK_FALSE(is_ready("pod/gated"));
    CHECK(get("endpoints/gated", "{.subsets[*].notReadyAddresses[*].targetRef.name}") == "gated");
    (void)kubectl({"exec", "frail", "--", "rm", "/tmp/healthy"});
    (void)kubectl({"exec", "gated", "--", "touch", "/tmp/open"});
    until("what is not alive is started again", [&] {
        return get("pod/frail", "{.status.containerStatuses[0].restartCount}") == "1" && is_ready("pod/frail");
    });
    until("what is open has an endpoint", [&] {
        return is_ready("pod/gated") && get("endpoints/gated", "{.subsets[*].addresses[*].targetRef.name}") == "gated";
    });
    until("events say why", [&] {
        const std::string events = kubectl({"get", "events", "--field-selector=involvedObject.name=frail"});
        return events.contains("Unhealthy") && events.contains("Liveness probe failed");
    });
}

void Cluster::roll() {
    (void)kubectl({"set", "env", "deployment/rolled", "VERSION=second"});
    int fewest = 3;
    until("the new version is rolled out", [&] {
        const std::string state = get("deployment/rolled", "{.status.availableReplicas} {.status.updatedReplicas} "
                                                           "{.status.replicas} {.status.observedGeneration}");
        if (!state.empty()) { // it was told at all; and without a number there are none
            fewest = std::min(fewest, std::stoi("0" + state));
        }
        return state == "3 3 3 2";
    });
    CHECK(fewest == 3);
    until("the old one is gone", [&] { return all_ready("rolled", 3); });
    for (const std::string &pod : ready_pods("app=rolled")) {
        CHECK(kubectl({"exec", pod, "--", "cat", "/www/version"}) == "second\n");
    }
}

void Cluster::measure(const std::string &node, const std::string &address) {
    const std::string pod = pod_on("every", node);
    const std::string metrics = read_of_node(address, "/metrics/resource");
    const std::string labels = "{container=\"c\",namespace=\"default\",pod=\"" + pod + "\"} ";
    for (const std::string name :
         {"container_cpu_usage_seconds_total", "container_memory_working_set_bytes", "container_start_time_seconds"}) {
        const std::size_t at = metrics.find("\n" + name + labels);
        INFO(name << " of " << pod);
        REQUIRE(at != std::string::npos);
        CHECK(std::stod(metrics.substr(at + 1 + name.size() + labels.size())) > 0);
    }
    CHECK(metrics.contains("\npod_memory_working_set_bytes{namespace=\"default\",pod=\"" + pod + "\"} "));
    CHECK(metrics.contains("\nnode_memory_working_set_bytes "));
    CHECK(metrics.contains("\nscrape_error 0\n"));

    const auto summary = nlohmann::json::parse(read_of_node(address, "/stats/summary"));
    CHECK(summary["node"]["nodeName"] == node);
    CHECK(summary["node"]["cpu"]["usageCoreNanoSeconds"] > 0);
    const auto &pods = summary["pods"];
    const auto found = std::ranges::find_if(pods, [&](const auto &one) { return one["podRef"]["name"] == pod; });
    REQUIRE(found != pods.end());
    CHECK((*found)["containers"][0]["name"] == "c");
    CHECK((*found)["containers"][0]["memory"]["workingSetBytes"] > 0);
    CHECK((*found)["memory"]["workingSetBytes"] > 0);
}

void Cluster::scale() {
    (void)kubectl({"scale", "deployment/many", "--replicas=20"});
    until("all replicas run", [&] { return all_ready("many", 20); });
    CHECK(ready_pods("app=many", "one").size() >= 5);
    CHECK(ready_pods("app=many", "two").size() >= 5);
}

void Cluster::drain() {
    const Texts words = {"drain", "two", "--ignore-daemonsets", "--delete-emptydir-data", "--force", "--timeout=100s"};
    until("the node is drained", [&] { return plane().kubectl(words).status == 0; });
    const std::string left =
        get(Texts{"pods", "--field-selector=spec.nodeName=two"}, "{.items[*].metadata.labels.app}");
    CHECK((left == "every echo" || left == "echo every"));
    until("the other node has them all", [&] { return get("deployment/many", "{.status.availableReplicas}") == "20"; });
    CHECK(ready_pods("app=many", "one").size() == 20);
    CHECK(ready_pods("app=data", "two").empty()); // its disk is there, and nowhere else
    (void)kubectl({"uncordon", "two"});
    until("what has its disk there is back", [&] { return ready_pods("app=data", "two").size() == 1; });
    CHECK(starts(pod_on("data", "two")) == 2);
}

void Cluster::lose_power() {
    const std::string data = pod_on("data", "two"), every = pod_on("every", "two");
    const std::string before = get("pod/" + every, "{.status.containerStatuses[0].containerID}");
    const std::size_t started = starts(data);
    must(machine("two").cut_power());
    until("the node is not ready", [&] { return !is_ready("node/two"); });
    CHECK(kubectl({"logs", pod_on("every", "one")}) == "I am on one\n"); // the other goes on
    told("a node that lost its power is told not to be ready");
    must(machine("two").power_on());
    told("it has booted again");
    until("the node is ready again", [&] { return is_ready("node/two"); });
    until("its pods run again", [&] {
        return starts(data) == started + 1 && is_ready("pod/" + data) && is_ready("pod/" + every) &&
               get("pod/" + every, "{.status.containerStatuses[0].containerID}") != before;
    });
    CHECK(get("pod/" + data, "{.spec.nodeName}") == "two"); // the same pod
    CHECK(kubectl({"logs", every}) == "I am on two\n");
    check_says_nothing(machine("two"), "systemctl --failed --no-legend --plain");
}

} // namespace

TEST_CASE("two machines that were given a token are a cluster", "[vm]") {
    Cluster cluster;
    cluster.join();
    cluster.told("both nodes are ready, by a token in their user-data alone");
    cluster.run_workloads();
    cluster.told("a Deployment, DaemonSets, a StatefulSet on local volumes and a Job run on both");
    cluster.kubectl({"patch", "configmap/settings", "-p", R"({"data":{"colour":"blue"}})"});
    cluster.talk_to("one");
    cluster.talk_to("two");
    cluster.told("kubectl logs, exec, attach, cp and port-forward reach both");
    cluster.kubectl({"patch", "secret/word", "-p", R"({"stringData":{"password":"plugh"}})"});
    cluster.obey_probes();
    cluster.told("probes restart and gate");
    cluster.follow_objects();
    cluster.told("mounted ConfigMaps and Secrets follow");
    cluster.measure("one", TwoNodes::kOne);
    cluster.measure("two", TwoNodes::kTwo);
    cluster.told("metrics-server finds what it reads");
    cluster.roll();
    cluster.told("a Deployment is rolled without a gap");
    cluster.scale();
    cluster.told("a Deployment of 20 replicas runs on both");
    cluster.drain();
    cluster.told("a node is drained and opened again");
    cluster.lose_power();
    cluster.told("the node is back, and its pods with their data");
}
