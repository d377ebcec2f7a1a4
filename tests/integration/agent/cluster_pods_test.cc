// SPDX-License-Identifier: Apache-2.0
// Pods that a real control plane binds to a node: from there to containers that run, and back.
#include <filesystem>

#include "base/lines.h"
#include "tests/integration/agent/cluster_fixture.h"

using namespace ballast;
using ballast::agent_tests::ClusterFixture;
namespace fs = std::filesystem;

namespace {

constexpr const char *kWeb = R"yaml(
apiVersion: v1
kind: ConfigMap
metadata: {name: settings}
data: {colour: red}
---
apiVersion: v1
kind: Secret
metadata: {name: word}
stringData: {password: xyzzy}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      terminationGracePeriodSeconds: 1
      initContainers:
      - name: first
        image: inside
        imagePullPolicy: Never
        args: [write, /data/first, "$(PASSWORD) $(KUBERNETES_SERVICE_HOST) $(NODE)"]
        env:
        - {name: PASSWORD, valueFrom: {secretKeyRef: {name: word, key: password}}}
        - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
        volumeMounts: [{name: data, mountPath: /data}]
      containers:
      - name: main
        image: inside
        imagePullPolicy: Never
        args: [wait]
        envFrom: [{configMapRef: {name: settings}}]
        volumeMounts: [{name: settings, mountPath: /settings}, {name: data, mountPath: /data}]
      volumes:
      - {name: settings, configMap: {name: settings}}
      - {name: data, emptyDir: {}}
)yaml";

constexpr const char *kOdd = R"yaml(
apiVersion: batch/v1
kind: Job
metadata: {name: done}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: c, image: inside, imagePullPolicy: Never, args: [exit, "0"]}]}}}
---
apiVersion: v1
kind: Pod
metadata: {name: failed}
spec: {restartPolicy: Never, containers: [{name: c, image: inside, imagePullPolicy: Never, args: [exit, "3"]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: no-image}
spec: {containers: [{name: c, image: "nothing.invalid/none:1", imagePullPolicy: Never}]}
---
apiVersion: v1
kind: Pod
metadata: {name: no-settings}
spec: {containers: [{name: c, image: inside, imagePullPolicy: Never, args: [wait], envFrom: [{configMapRef: {name: none}}]}]}
---
apiVersion: v1
kind: Pod
metadata: {name: too-large}
spec: {nodeName: node, containers: [{name: c, image: inside, resources: {requests: {cpu: "5000"}}}]}
---
apiVersion: v1
kind: Pod
metadata: {name: misplaced}
spec:
  nodeName: node
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: NotIn, values: [here]}]}]}
  containers: [{name: c, image: inside}]
---
apiVersion: v1
kind: Pod
metadata: {name: well-placed}
spec:
  affinity:
    nodeAffinity:
      requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [{matchExpressions: [{key: zone, operator: In, values: [here]}]}]}
  containers: [{name: c, image: inside, imagePullPolicy: Never, args: [wait]}]
---
apiVersion: v1
kind: Pod
metadata: {name: unready}
spec:
  containers:
  - {name: c, image: inside, imagePullPolicy: Never, args: [wait], readinessProbe: {exec: {command: [/inside, exit, "1"]}, periodSeconds: 1}}
)yaml";

class Pods : public ClusterFixture {
  public:
    Pods() {
        until_cluster([&] { return get("node/node", "{.status.conditions[?(@.type=='Ready')].status}") == "True"; },
                      "the node is ready");
    }
    std::vector<std::string> names(const std::string &selector) const {
        return lines_of(plane.output_of({"get", "pods", "-o", "name", "-l", selector}));
    }
};

} // namespace

TEST_CASE_METHOD(Pods, "a deployment becomes available, follows what it refers to, and goes", "[agent][.long]") {
    plane.apply(kWeb);
    until_cluster([&] { return get("deployment/web", "{.status.availableReplicas}") == "2"; }, "it becomes available");
    const std::string pod = names("app=web").front();
    REQUIRE(get(pod, "{.status.phase}") == "Running");
    REQUIRE_FALSE(get(pod, "{.status.podIP}").empty());
    REQUIRE(get(pod, "{.status.containerStatuses[0].containerID}").starts_with("ballast://"));
    const fs::path volumes = path("kubelet") / "pods" / get(pod, "{.metadata.uid}") / "volumes";
    REQUIRE(must(read_file(volumes / "kubernetes.io~empty-dir/data/first")) == "xyzzy 10.96.0.1 node");
    REQUIRE(must(read_file(volumes / "kubernetes.io~configmap/settings/colour")) == "red");
    until_cluster([&] { return plane.output_of({"describe", pod}).contains("Started container main"); },
                  "events tell what happened");

    plane.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {colour: blue}\n");
    until_cluster([&] { return read_file(volumes / "kubernetes.io~configmap/settings/colour").value_or("") == "blue"; },
                  "what a volume holds follows");
    (void)plane.output_of({"scale", "deployment/web", "--replicas=1"});
    until_cluster([&] { return names("app=web").size() == 1; }, "a pod is gone when its deployment shrinks");

    const std::string last = names("app=web").front(), id = get(last, "{.status.containerStatuses[0].containerID}");
    kill_agent();
    kill(); // the engine
    start();
    start_agent();
    plane.kill_api_server();
    plane.start_api_server();
    until_cluster([&] { return get(last, "{.status.conditions[?(@.type=='Ready')].status}") == "True"; },
                  "the pod is adopted");
    REQUIRE(get(last, "{.status.containerStatuses[0].containerID}") == id);
    kill_agent();
    (void)plane.output_of({"delete", "deployment/web", "--wait=false"});
    start_agent();
    until_cluster([&] { return names("app=web").empty() && nothing_left(); }, "nothing is left");
    REQUIRE(addresses_taken() == 0);
}

TEST_CASE_METHOD(Pods, "what becomes of pods is told as kubelet tells it", "[agent][.long]") {
    plane.apply(kOdd);
    const auto waits = [&](const std::string &pod) {
        return get("pod/" + pod, "{.status.containerStatuses[0].state.waiting.reason}");
    };
    until_cluster([&] { return get("job/done", "{.status.succeeded}") == "1"; }, "a job is done");
    until_cluster([&] { return get("pod/failed", "{.status.phase}") == "Failed"; }, "a pod fails");
    REQUIRE(get("pod/failed", "{.status.containerStatuses[0].state.terminated.exitCode}") == "3");
    until_cluster([&] { return waits("no-image") == "ErrImageNeverPull"; }, "an image is missing");
    until_cluster([&] { return waits("no-settings") == "CreateContainerConfigError"; }, "a ConfigMap is missing");
    until_cluster([&] { return get("pod/too-large", "{.status.reason}") == "OutOfcpu"; }, "a pod that cannot fit");
    until_cluster([&] { return get("pod/misplaced", "{.status.reason}") == "NodeAffinity"; }, "a pod of another zone");
    until_cluster([&] { return get("pod/well-placed", "{.status.phase}") == "Running"; }, "a pod of this zone");
    until_cluster(
        [&] {
            return get("pod/unready", "{.status.phase}") == "Running" &&
                   get("pod/unready", "{.status.conditions[?(@.type=='Ready')].status}") == "False";
        },
        "a pod is not ready before its probe says so");
    until_cluster(
        [&] {
            return plane.output_of({"describe", "pod/no-settings"}).contains("configmap \"none\" not found") &&
                   plane.output_of({"describe", "pod/no-image"}).contains("is not present with pull policy of Never") &&
                   plane.output_of({"describe", "pod/too-large"}).contains("enough resource: cpu");
        },
        "reasons are told");
    plane.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: none}\ndata: {a: b}\n");
    until_cluster([&] { return get("pod/no-settings", "{.status.phase}") == "Running"; }, "what was missing is there");
    (void)plane.output_of({"delete", "pod,job", "--all", "--grace-period=1", "--wait=false"});
    until_cluster([&] { return lines_of(plane.output_of({"get", "pods", "-o", "name"})).empty() && nothing_left(); },
                  "all of them are gone");
}

TEST_CASE_METHOD(Pods, "a pod that ends has less time left when its deletion says so", "[agent][.long]") {
    plane.apply(R"(apiVersion: v1
kind: Pod
metadata: {name: lingering}
spec:
  containers:
  - name: a
    image: inside
    imagePullPolicy: Never
    command: [/inside, wait]
    lifecycle: {preStop: {exec: {command: [/inside, wait]}}}
)");
    until_cluster([&] { return get("pod/lingering", "{.status.phase}") == "Running"; }, "it runs");
    (void)plane.output_of({"delete", "pod/lingering", "--grace-period=600", "--wait=false"});
    until_cluster([&] { return plane.output_of({"describe", "pod/lingering"}).contains("Stopping container a"); },
                  "its hook is waited for");
    (void)plane.output_of({"delete", "pod/lingering", "--grace-period=1", "--wait=false"});
    until_cluster([&] { return lines_of(plane.output_of({"get", "pods", "-o", "name"})).empty() && nothing_left(); },
                  "it is gone long before");
}

TEST_CASE_METHOD(Pods, "static pods are shown to the API server", "[agent][.long]") {
    manifest("fixed", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("a", "wait"));
    const auto ready = [&] {
        return get("pod/fixed-node", "{.status.conditions[?(@.type=='Ready')].status}") == "True";
    };
    until_cluster(ready, "its mirror tells that it is ready");
    const std::string uid = get("pod/fixed-node", "{.metadata.uid}"), id = newest("a")->id();
    REQUIRE(get("pod/fixed-node", "{.status.containerStatuses[0].containerID}") == "ballast://" + id);
    (void)plane.output_of({"delete", "pod/fixed-node", "--wait=false"});
    until_cluster([&] { return ready() && get("pod/fixed-node", "{.metadata.uid}") != uid; }, "another shows it");
    REQUIRE(newest("a")->id() == id); // which has no part in running it
    manifest("fixed", "  terminationGracePeriodSeconds: 1\n  containers:\n" + container("b", "wait"));
    until_cluster([&] { return ready() && get("pod/fixed-node", "{.spec.containers[0].name}") == "b"; }, "it follows");
    no_manifest("fixed");
    until_cluster([&] { return get("pod/fixed-node", "{.metadata.uid}").empty() && nothing_left(); }, "it goes");
}
