// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/environment.h"

#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using namespace ballast::agent::tests;

namespace {

const Surroundings kHere{.node_name = "node-1",
                         .node_address = "10.0.0.1",
                         .pod_address = "10.77.0.2",
                         .node_cpu = Quantity::of(4),
                         .node_memory = Quantity::of(1 << 30)};

} // namespace

TEST_CASE("variables are expanded as Kubernetes does it", "[agent]") {
    const Variables variables = {{"A", "1"}, {"B", "$(A)"}};
    REQUIRE(expanded("x $(A) $(B) $(C) y", variables) == "x 1 $(A) $(C) y");
    REQUIRE(expanded("$$(A) $$$(A) $A $( $", variables) == "$(A) $1 $A $( $");
    REQUIRE(expanded("", variables).empty());
}

TEST_CASE("a container's environment holds what its definition says", "[agent]") {
    const Pod pod = pod_of(R"yaml(  serviceAccountName: me
  containers:
  - name: a
    image: i
    resources: {requests: {cpu: 250m, memory: 64Mi}, limits: {memory: 128Mi}}
    env:
    - {name: HOST, value: web}
    - {name: URL, value: "http://$(HOST):80/$(LATER)"}
    - {name: LATER, value: x}
    - {name: NAME, valueFrom: {fieldRef: {fieldPath: metadata.name}}}
    - {name: APP, valueFrom: {fieldRef: {fieldPath: "metadata.labels['app']"}}}
    - {name: NODE, valueFrom: {fieldRef: {fieldPath: spec.nodeName}}}
    - {name: IP, valueFrom: {fieldRef: {fieldPath: status.podIP}}}
    - {name: HOSTIP, valueFrom: {fieldRef: {fieldPath: status.hostIP}}}
    - {name: CPU, valueFrom: {resourceFieldRef: {resource: requests.cpu, divisor: 1m}}}
    - {name: CPUS, valueFrom: {resourceFieldRef: {resource: limits.cpu}}}
    - {name: MEM, valueFrom: {resourceFieldRef: {resource: limits.memory, divisor: 1Mi}}}
    - {name: HOST, value: "again $(HOST)"}
)yaml");
    REQUIRE(must(environment_of(pod, pod.containers[0], kHere)) == Variables{{"HOST", "again web"},
                                                                             {"URL", "http://web:80/$(LATER)"},
                                                                             {"LATER", "x"},
                                                                             {"NAME", "web"},
                                                                             {"APP", "shop"},
                                                                             {"NODE", "node-1"},
                                                                             {"IP", "10.77.0.2"},
                                                                             {"HOSTIP", "10.0.0.1"},
                                                                             {"CPU", "250"},
                                                                             {"CPUS", "4"},
                                                                             {"MEM", "128"}});
}

TEST_CASE("variables come from services, then ConfigMaps and Secrets, then the container's own", "[agent]") {
    const PodObjects objects{
        .data = [](const std::string &kind, const std::string &, const std::string &name) -> Result<TextMap> {
            if (name == "none") {
                return fail(ENOENT, kind + " \"none\" not found");
            }
            return TextMap{{"a", kind + " a"}, {"b", kind + " b"}};
        },
        .token = {},
        .services = [](const Pod &) { return Variables{{"DB_HOST", "10.96.0.9"}, {"a", "service"}}; }};
    const auto variables = [&](const std::string &more) {
        const Pod pod = pod_of("  containers: [{name: a, image: i, " + more + "}]\n");
        return environment_of(pod, pod.containers[0], kHere, objects);
    };
    REQUIRE(
        must(variables("envFrom: [{configMapRef: {name: m}}, {prefix: P_, secretRef: {name: s}}, {secretRef: {name: "
                       "none, optional: true}}], env: [{name: b, valueFrom: {secretKeyRef: {name: s, key: a}}}, "
                       "{name: U, value: $(DB_HOST)}, {name: o, valueFrom: {configMapKeyRef: {name: m, key: z, "
                       "optional: true}}}]")) == Variables{{"DB_HOST", "10.96.0.9"},
                                                           {"a", "configMap a"},
                                                           {"b", "secret a"},
                                                           {"P_a", "secret a"},
                                                           {"P_b", "secret b"},
                                                           {"U", "10.96.0.9"}});
    REQUIRE(error_of(variables("envFrom: [{configMapRef: {name: none}}]")).message == "configMap \"none\" not found");
    REQUIRE(error_of(variables("env: [{name: X, valueFrom: {secretKeyRef: {name: s, key: z}}}]")).message ==
            "variable \"X\": couldn't find key z in Secret default/s");
}

TEST_CASE("what the environment cannot hold is said", "[agent]") {
    const auto error = [](const std::string &source) {
        const Pod pod = pod_of("  containers: [{name: a, image: i, env: [{name: X, valueFrom: {" + source + "}}]}]\n");
        return error_of(environment_of(pod, pod.containers[0], kHere)).message;
    };
    REQUIRE(error("fieldRef: {fieldPath: spec.containers}") ==
            "variable \"X\": fieldRef: unsupported fieldPath: spec.containers");
    REQUIRE(error("resourceFieldRef: {resource: cpu}").contains("no such resource"));
    REQUIRE(error("configMapKeyRef: {name: m, key: k}")
                .contains("configMapKeyRef \"m\" can be had from an API server only"));
}
