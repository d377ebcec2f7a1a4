// SPDX-License-Identifier: Apache-2.0
// What only newer control planes can express. The one that is made from Debian's sources is Kubernetes 1.20.
#include <atomic>
#include <format>

#include "base/grpc/server.h"
#include "base/http/listener.h"
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;

namespace {

constexpr int kMinor = 29; // of the first that has all of it without being asked to

constexpr const char *kSidecars = R"yaml(
apiVersion: batch/v1
kind: Job
metadata: {name: helped}
spec:
  template:
    metadata: {labels: {app: helped}}
    spec:
      restartPolicy: Never
      terminationGracePeriodSeconds: 1
      initContainers:
      - {name: side, image: inside, imagePullPolicy: Never, args: [wait], restartPolicy: Always, startupProbe: {exec: {command: [/inside, exit, "0"]}, periodSeconds: 1}}
      containers:
      - {name: main, image: inside, imagePullPolicy: Never, args: [exit, "0"]}
---
apiVersion: v1
kind: Pod
metadata: {name: aided}
spec:
  terminationGracePeriodSeconds: 1
  initContainers:
  - {name: aide, image: inside, imagePullPolicy: Never, args: [wait], restartPolicy: Always, readinessProbe: {exec: {command: [/inside, cat, /ready]}, periodSeconds: 1}}
  containers:
  - {name: own, image: inside, imagePullPolicy: Never, args: [wait]}
)yaml";

// What a service of gRPC's health protocol says of itself.
class Health {
  public:
    Health() {
        std::vector<Fd> listeners;
        listeners.push_back(must(http::listen_tcp(ClusterFixture::kNodeAddress, 0)));
        port = must(http::port_of(listeners.front()));
        server_.emplace(must(
            grpc::Server::start(std::move(listeners), {{"/grpc.health.v1.Health/Check", [this](grpc::Call &call) {
                                                            return grpc::outcome_of(call.send(answer(call.request())));
                                                        }}})));
    }
    std::atomic<bool> lives = true, ready = false;
    std::uint16_t port = 0;

  private:
    std::string answer(const std::string &request) const {
        const bool well = request.contains("alive") ? lives : ready;
        return {'\x08', well ? '\x01' : '\x02'}; // SERVING, NOT_SERVING
    }
    std::optional<grpc::Server> server_;
};

std::string probed_by_grpc(std::uint16_t port) {
    return std::format(R"yaml(
apiVersion: v1
kind: Pod
metadata: {{name: spoken}}
spec:
  hostNetwork: true
  terminationGracePeriodSeconds: 1
  containers:
  - name: heard
    image: inside
    imagePullPolicy: Never
    args: [wait]
    livenessProbe: {{grpc: {{port: {0}, service: alive}}, periodSeconds: 1, failureThreshold: 1}}
    readinessProbe: {{grpc: {{port: {0}, service: ready}}, periodSeconds: 1}}
)yaml",
                       port);
}

class NewerCluster : public ClusterFixture {
  public:
    NewerCluster() {
        if (plane.minor() < kMinor) {
            SKIP(
                std::format("the control plane is Kubernetes 1.{}, this takes 1.{}: BALLAST_PEERS may hold a newer one",
                            plane.minor(), kMinor));
        }
        until_cluster([&] { return condition("node/node", "Ready") == "True"; }, "the node is ready");
        // The controllers have their accounts ready a moment later.
        until_cluster([&] { return plane.kubectl({"apply", "-f", "-"}, kSidecars).status == 0; }, "pods are taken");
    }
    std::string condition(const std::string &object, const std::string &type) const {
        return get(object, "{.status.conditions[?(@.type=='" + type + "')].status}");
    }
    // Of the newest container of that name.
    std::string process_namespace(const std::string &container) {
        return api_tests::namespace_of(pid_of(newest(container).value().id()), "pid");
    }
    void check_sidecars();
    void check_grpc();
    void check_ephemeral();
};

void NewerCluster::check_sidecars() {
    until_cluster([&] { return get("job/helped", "{.status.succeeded}") == "1"; },
                  "a sidecar keeps no job from its end");
    until_cluster([&] { return !get("pod/aided", "{.status.initContainerStatuses[0].state.running}").empty(); },
                  "a sidecar runs");
    until_cluster([&] { return get("pod/aided", "{.status.phase}") == "Running"; }, "and what comes after it");
    CHECK(condition("pod/aided", "Initialized") == "True");
    CHECK(condition("pod/aided", "Ready") == "False");
    (void)plane.output_of({"exec", "aided", "-c", "aide", "--", "/inside", "write", "/ready", "yes"});
    until_cluster([&] { return condition("pod/aided", "Ready") == "True"; }, "the pod is ready with its sidecar");
    CHECK(get("pod/aided", "{.status.initContainerStatuses[0].ready}") == "true");
}

void NewerCluster::check_grpc() {
    Health health;
    plane.apply(probed_by_grpc(health.port));
    until_cluster([&] { return get("pod/spoken", "{.status.phase}") == "Running"; }, "it runs");
    until_cluster([&] { return plane.output_of({"describe", "pod/spoken"}).contains("Readiness probe failed"); },
                  "it is asked and says no");
    CHECK(condition("pod/spoken", "Ready") == "False");
    health.ready = true;
    until_cluster([&] { return condition("pod/spoken", "Ready") == "True"; }, "it says yes");
    health.lives = false;
    until_cluster([&] { return !get("pod/spoken", "{.status.containerStatuses[0].lastState.terminated}").empty(); },
                  "what is not alive is started again");
    (void)plane.output_of({"delete", "pod/spoken", "--wait=false"});
}

void NewerCluster::check_ephemeral() {
    const auto look = [&](const std::string &more) {
        return get("pod/aided", "{.status.ephemeralContainerStatuses" + more + "}");
    };
    (void)plane.output_of({"debug", "aided", "--image=inside", "--image-pull-policy=Never", "--target=own",
                           "--container=visitor", "--", "/inside", "wait"});
    until_cluster([&] { return !look("[0].state.running").empty(); }, "it runs beside the others");
    CHECK(process_namespace("visitor") == process_namespace("own"));
    CHECK(process_namespace("visitor") != process_namespace("aide"));
    CHECK(plane.output_of({"exec", "aided", "-c", "visitor", "--", "/inside", "echo", "seen"}) == "seen\n");

    (void)plane.output_of({"debug", "aided", "--image=inside", "--image-pull-policy=Never", "--container=short", "--",
                           "/inside", "say", "3", "5"});
    const std::string of_short = "[?(@.name=='short')]";
    until_cluster([&] { return look(of_short + ".state.terminated.exitCode") == "5"; }, "it ends as it likes");
    CHECK(plane.output_of({"logs", "aided", "-c", "short"}) == "1\n2\n3\n");
    CHECK(look(of_short + ".restartCount") == "0");
    CHECK(condition("pod/aided", "Ready") == "True");

    stop_agent(); // nothing of it is only in an agent's mind
    start_agent();
    (void)plane.output_of({"debug", "aided", "--image=nothing.invalid/none:1", "--image-pull-policy=Never",
                           "--container=none", "--", "/inside"});
    until_cluster([&] { return look("[?(@.name=='none')].state.waiting.reason") == "ErrImageNeverPull"; },
                  "what cannot be started is told");
    CHECK(look(of_short + ".restartCount") == "0");
    CHECK(get("pod/aided", "{.status.containerStatuses[0].restartCount}") == "0");
}

} // namespace

TEST_CASE_METHOD(NewerCluster, "sidecars, probes by gRPC and ephemeral containers", "[agent]") {
    check_sidecars();
    check_grpc();
    check_ephemeral();
    (void)plane.output_of({"delete", "pod,job", "--all", "--wait=false"});
    until_cluster([&] { return nothing_left(); }, "nothing is left");
}
