// SPDX-License-Identifier: Apache-2.0
#include "agent/static_pods/manifest.h"

#include "agent/cri_client/labels.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

const std::string kHead = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\n";

Pod read(const std::string &text) { return must(read_manifest(text, "/m/web.yaml", "node")); }
std::string refused(const std::string &spec) {
    return error_of(read_manifest(kHead + "spec:\n" + spec, "/m/web.yaml", "node")).message;
}

} // namespace

TEST_CASE("a manifest is a pod with the API's defaults", "[agent]") {
    const Pod pod = read(kHead + R"(spec:
  containers:
  - name: a
    image: registry.example/app:1
    livenessProbe: {httpGet: {port: http}}
    volumeMounts: [{name: data, mountPath: /data}]
  - {name: b, image: app}
  volumes: [{name: data, emptyDir: {medium: Memory, sizeLimit: 8Mi}}, {name: host, hostPath: {path: /srv, type: Directory}}]
)");
    REQUIRE(pod.name == "web-node");
    REQUIRE(pod.name_space == "default");
    REQUIRE(pod.uid.size() == 32);
    REQUIRE(pod.annotations.at(labels::kConfigSource) == "file");
    REQUIRE(pod.annotations.at(labels::kConfigHash) == pod.uid);
    REQUIRE(pod.restart_policy == RestartPolicy::kAlways);
    REQUIRE(pod.grace == 30);
    REQUIRE(pod.dns_policy == "ClusterFirst");
    const Container &container = pod.containers[0];
    REQUIRE(container.pull_policy == "IfNotPresent");
    REQUIRE(pod.containers[1].pull_policy == "Always");
    REQUIRE(container.termination_path == "/dev/termination-log");
    REQUIRE(container.liveness->period == std::chrono::seconds(10));
    REQUIRE(container.liveness->timeout == std::chrono::seconds(1));
    REQUIRE(container.liveness->failure_threshold == 3);
    REQUIRE(std::get<HttpAction>(container.liveness->action).port == PortRef{.number = 0, .name = "http"});
    REQUIRE(std::get<EmptyDir>(pod.volumes[0].source).memory);
    REQUIRE(std::get<EmptyDir>(pod.volumes[0].source).limit->whole() == 8 << 20);
    REQUIRE(std::get<HostPath>(pod.volumes[1].source).type == "Directory");
}

TEST_CASE("another text makes another pod, the same text in other words does not", "[agent]") {
    const std::string spec = "spec: {containers: [{name: a, image: i}]}\n";
    const Pod pod = read(kHead + spec);
    REQUIRE(read("# a comment\n" + kHead + spec).uid == pod.uid);
    REQUIRE(
        read(
            R"({"kind": "Pod", "apiVersion": "v1", "spec": {"containers": [{"image": "i", "name": "a"}]}, "metadata": {"name": "web"}})")
            .uid == pod.uid);
    REQUIRE(read(kHead + "spec: {containers: [{name: a, image: j}]}\n").uid != pod.uid);
    REQUIRE(must(read_manifest(kHead + spec, "/m/other.yaml", "node")).uid != pod.uid);
    REQUIRE(must(read_manifest(kHead + spec, "/m/web.yaml", "other")).uid != pod.uid);
}

TEST_CASE("what is wrong with a pod is said as the API says it", "[agent]") {
    REQUIRE(refused("  containers: []\n") == "/m/web.yaml: invalid pod: spec.containers: Required value");
    REQUIRE(refused("  containers: [{name: a}]\n") ==
            "/m/web.yaml: invalid pod: spec.containers[0].image: Required value");
    REQUIRE(refused("  containers: [{name: A_b, image: i}]\n")
                .contains("spec.containers[0].name: Invalid value: \"A_b\": a lowercase RFC 1123 label must"));
    REQUIRE(refused("  containers: [{name: a, image: i}, {name: a, image: i}]\n")
                .contains("spec.containers[1].name: Duplicate value: \"a\""));
    REQUIRE(refused("  containers: [{name: a, image: i, volumeMounts: [{name: v, mountPath: /v}]}]\n")
                .contains("spec.containers[0].volumeMounts[0].name: Not found: \"v\""));
    REQUIRE(refused("  containers: [{name: a, image: i, imagePullPolicy: Now}]\n")
                .contains("imagePullPolicy: Unsupported value: \"Now\": supported values: \"Always\", "
                          "\"IfNotPresent\", \"Never\""));
    REQUIRE(refused("  containers: [{name: a, image: i, resources: {requests: {cpu: 2}, limits: {cpu: 1}}}]\n")
                .contains("must be less than or equal to cpu limit of 1"));
    REQUIRE(refused("  containers: [{name: a, image: i, ports: [{containerPort: 0}]}]\n")
                .contains("must be between 1 and 65535, inclusive"));
    REQUIRE(refused("  containers: [{name: a, image: i}]\n  volumes: [{name: v, hostPath: {path: /a/../b}}]\n")
                .contains("must not contain '..'"));
    REQUIRE(refused("  initContainers: [{name: b, image: i, livenessProbe: {tcpSocket: {port: 1}}}]\n  containers: "
                    "[{name: a, image: i}]\n")
                .contains("spec.initContainers[0]: Forbidden"));
}

TEST_CASE("what is no pod is refused with its place", "[agent]") {
    REQUIRE(refused("  containers: [{name: a, image: i, resources: {limits: {cpu: lots}}}]\n")
                .contains("spec.containers[0].resources.limits.cpu: quantities must match"));
    REQUIRE(
        refused("  restartPolicy: Sometimes\n  containers: [{name: a, image: i}]\n").contains("spec.restartPolicy"));
    REQUIRE(refused("  containers: [{name: a, image: i, env: [{name: X, value: 3}]}]\n")
                .contains("spec.containers[0].env[0].value: want a text"));
    REQUIRE(error_of(read_manifest("kind: [\n", "/m/x.yaml", "n")).message.starts_with("/m/x.yaml:"));
    REQUIRE(error_of(read_manifest("apiVersion: v1\nkind: Service\nmetadata: {}\nspec: {}\n", "f", "n"))
                .message.contains("kind: want Pod"));
    REQUIRE(error_of(read_manifest("", "f", "n")).code == EINVAL);
}

TEST_CASE("a static pod refers to nothing that only an API server has", "[agent]") {
    const std::string one = "  containers: [{name: a, image: i}]\n";
    REQUIRE(refused(one + "  volumes: [{name: v, configMap: {name: m}}]\n") ==
            "/m/web.yaml: static pods may not reference configmaps");
    REQUIRE(refused(one + "  volumes: [{name: v, secret: {secretName: m}}]\n").ends_with("may not reference secrets"));
    REQUIRE(refused(one + "  serviceAccountName: me\n").ends_with("may not reference serviceaccounts"));
    REQUIRE(refused(one + "  ephemeralContainers: [{name: e, image: i}]\n").ends_with("cannot be set on create"));
    REQUIRE(refused("  containers: [{name: a, image: i, envFrom: [{secretRef: {name: s}}]}]\n")
                .ends_with("may not reference secrets"));
    REQUIRE(
        refused(
            "  containers: [{name: a, image: i, env: [{name: X, valueFrom: {configMapKeyRef: {name: m, key: k}}}]}]\n")
            .ends_with("may not reference configmaps"));
}
