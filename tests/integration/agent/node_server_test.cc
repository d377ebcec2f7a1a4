// SPDX-License-Identifier: Apache-2.0
// What comes to a node by its own server: kubectl by way of the API server, and those who come themselves.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <format>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/http/client.h"
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;
namespace cri = ::runtime::v1;
namespace fs = std::filesystem;

namespace {

constexpr const char *kPods = R"yaml(
apiVersion: v1
kind: Pod
metadata: {name: talk}
spec:
  terminationGracePeriodSeconds: 1
  containers:
  - {name: three, image: inside, imagePullPolicy: Never, args: [say, "3"]}
  - {name: again, image: inside, imagePullPolicy: Never, args: [say, "2", "1"]}
  - {name: cat, image: inside, imagePullPolicy: Never, args: [cat], stdin: true, stdinOnce: true}
---
apiVersion: v1
kind: Pod
metadata: {name: counts}
spec:
  restartPolicy: Never
  containers: [{name: c, image: inside, imagePullPolicy: Never, args: [count, "300"]}]
---
apiVersion: v1
kind: Pod
metadata: {name: waits}
spec: {containers: [{name: c, image: "nothing.invalid/none:1", imagePullPolicy: Never}]}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: reader}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: reader}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:kubelet-api-admin"}
subjects: [{kind: ServiceAccount, name: reader, namespace: default}]
)yaml";

class Talk : public ClusterFixture {
  public:
    Talk() {
        until_cluster([&] { return get("node/node", "{.status.conditions[?(@.type=='Ready')].status}") == "True"; },
                      "the node is ready");
        // The controllers have their accounts ready a moment later.
        until_cluster([&] { return plane.kubectl({"apply", "-f", "-"}, kPods).status == 0; }, "pods are taken");
        until_cluster([&] { return state("talk", 0, "running") && state("talk", 1, "waiting") && running("cat"); },
                      "the pod talks");
    }
    bool state(const std::string &pod, int container, const std::string &wanted) const {
        return !get("pod/" + pod, "{.status.containerStatuses[" + std::to_string(container) + "].state." + wanted + "}")
                    .empty();
    }
    bool running(const std::string &container) { return runs(container); }

    std::string logs(std::vector<std::string> words) const {
        words.insert(words.begin(), "logs");
        return plane.output_of(std::move(words));
    }
    std::string error(std::vector<std::string> words) const {
        const Completed done = plane.kubectl(std::move(words));
        CHECK(done.status != 0);
        return done.errors;
    }
    // As whoever has that service account's token.
    http::ClientResponse ask_as(const std::string &account, const std::string &target) const {
        const std::string answer = plane.output_of(
            {"create", "--raw", "/api/v1/namespaces/default/serviceaccounts/" + account + "/token", "-f", "-"},
            R"({"apiVersion":"authentication.k8s.io/v1","kind":"TokenRequest","spec":{}})");
        http::Client client;
        http::ClientRequest request{.url =
                                        must(http::parse_url(std::format("https://{}:10250{}", kNodeAddress, target)))};
        request.tls.verify = false;
        request.headers = {
            {"Authorization", "Bearer " + nlohmann::json::parse(answer)["status"]["token"].get<std::string>()}};
        return must(client.send(request));
    }
};

std::string numbers(int last) {
    std::string text;
    for (int number = 1; number <= last; number++) {
        text += std::to_string(number) + "\n";
    }
    return text;
}

} // namespace

TEST_CASE_METHOD(Talk, "kubectl logs tells what containers say", "[agent]") {
    REQUIRE(get("node/node", "{.status.daemonEndpoints.kubeletEndpoint.Port}") == "10250");
    CHECK(logs({"talk", "-c", "three"}) == "1\n2\n3\n");
    CHECK(logs({"talk", "-c", "three", "--tail=1"}) == "3\n");
    CHECK(logs({"talk", "-c", "three", "--limit-bytes=3"}) == "1\n2");
    CHECK(logs({"talk", "-c", "three", "--timestamps", "--tail=1"}).contains("Z 3\n"));
    CHECK(logs({"talk", "-c", "three", "--since=1h"}) == "1\n2\n3\n");
    CHECK(logs({"talk", "-c", "three", "--since-time=2100-01-01T00:00:00Z"}).empty());
    until_cluster([&] { return plane.kubectl({"logs", "-p", "talk", "-c", "again"}).output == "1\n2\n"; },
                  "what the container before said");
    CHECK(error({"logs", "-p", "talk", "-c", "three"}).contains("previous terminated container \"three\" in pod"));
    CHECK(error({"logs", "waits"}).contains("waiting to start"));

    // A log that is rotated while somebody follows it.
    until_cluster([&] { return runs("c") || state("counts", 0, "terminated"); }, "it counts");
    std::string followed;
    std::jthread follower([&] { followed = plane.kubectl({"logs", "-f", "counts"}).output; });
    if (const auto counting = newest("c"); counting && runs("c")) {
        const fs::path log = container_status(counting->id()).log_path();
        fs::rename(log, log.string() + ".old");
        cri::ReopenContainerLogRequest reopen;
        reopen.set_container_id(counting->id());
        (void)kubelet.ask<cri::ReopenContainerLogResponse>("RuntimeService/ReopenContainerLog", reopen);
    }
    follower.join();
    CHECK(numbers(300).ends_with(followed)); // what was rotated away before is not told again
    CHECK(followed.contains("300\n"));

    CHECK(plane.output_of({"get", "--raw", "/api/v1/nodes/node/proxy/healthz"}) == "ok");
    const auto list = nlohmann::json::parse(plane.output_of({"get", "--raw", "/api/v1/nodes/node/proxy/pods"}));
    CHECK(list["kind"] == "PodList");
    CHECK(list["items"].size() == 3);
    manifest("fixed", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("a", "say, '2'"));
    until_cluster([&] { return plane.kubectl({"logs", "fixed-node"}).output == "1\n2\n"; }, "a static pod's log");
}

TEST_CASE_METHOD(Talk, "the API server says who may come themselves", "[agent]") {
    const http::ClientResponse nobody = ask_as("default", "/pods");
    CHECK(nobody.head.status == 403);
    CHECK(nobody.body == "Forbidden (user=system:serviceaccount:default:default, verb=get, resource=nodes, "
                         "subresource=pods)\n");
    CHECK(ask_as("reader", "/pods").head.status == 200);
    CHECK(ask_as("reader", "/containerLogs/default/talk/three").body == "1\n2\n3\n");
}

TEST_CASE_METHOD(Talk, "kubectl reaches into containers and pods", "[agent]") {
    const std::vector<std::string> exec = {"exec", "talk", "-c", "three", "--", "/inside"};
    const auto in_container = [&](std::vector<std::string> words) {
        words.insert(words.begin(), exec.begin(), exec.end());
        return plane.kubectl(std::move(words));
    };
    const Completed said = in_container({"echo", "out", "err"});
    CHECK(said.output == "out\n");
    CHECK(said.errors.contains("err\n"));
    CHECK(in_container({"exit", "7"}).errors.contains("exit code 7"));
    const std::string much(3'000'000, 'x');
    CHECK(plane.output_of({"exec", "-i", "talk", "-c", "three", "--", "/inside", "cat"}, much) == much);
    CHECK(error({"exec", "waits", "--", "/inside"}).contains("container not found (\"c\")"));
    CHECK(plane.output_of({"attach", "-i", "talk", "-c", "cat"}, "attached\n").contains("attached\n"));

    must(make_directories(path("served")));
    must(write_file(path("served") / "page", "hello from the pod"));
    const std::string sandbox = newest("three")->pod_sandbox_id();
    const Child server =
        must(Child::start({.arguments = {"nsenter", "--net=" + (path("run/pods") / sandbox).string(), "python3", "-u",
                                         "-m", "http.server", "--bind", "127.0.0.1", "8080"},
                           .directory = path("served"),
                           .log = path("server-log")}));
    // kubectl gives up with the first connection that is refused.
    until_cluster([&] { return read_file(path("server-log")).value_or("").contains("Serving HTTP"); }, "it listens");
    Child forward = must(Child::start({.arguments = {"kubectl", "--kubeconfig", plane.path("admin.conf").string(),
                                                     "port-forward", "pod/talk", "18080:8080"},
                                       .log = path("forward-log")}));
    http::Client client;
    const auto page = [&] {
        const auto answer = client.send({.url = must(http::parse_url("http://127.0.0.1:18080/page"))});
        return answer.has_value() ? answer->body : "";
    };
    until_cluster([&] { return page() == "hello from the pod"; }, "a port of the pod is reached");
    must(forward.signal(SIGTERM));
    (void)forward.wait(std::chrono::seconds(20));
}

TEST_CASE_METHOD(Talk, "metrics-server finds what it reads", "[agent]") {
    const std::string metrics = plane.output_of({"get", "--raw", "/api/v1/nodes/node/proxy/metrics/resource"});
    CHECK(metrics.contains("\nnode_cpu_usage_seconds_total "));
    CHECK(metrics.contains("container_start_time_seconds{container=\"three\",namespace=\"default\",pod=\"talk\"}"));
    CHECK(metrics.contains("\nscrape_error 0\n"));
    const auto summary =
        nlohmann::json::parse(plane.output_of({"get", "--raw", "/api/v1/nodes/node/proxy/stats/summary"}));
    CHECK(summary["node"]["memory"]["workingSetBytes"] > 0);
    CHECK(std::ranges::any_of(summary["pods"], [](const auto &pod) { return pod["podRef"]["name"] == "talk"; }));
}
