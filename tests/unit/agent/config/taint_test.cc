// SPDX-License-Identifier: Apache-2.0
#include "agent/config/taint.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

TEST_CASE("taints of a node are read from a flag", "[agent]") {
    REQUIRE(must(parse_taints("")).empty());
    REQUIRE(must(parse_taints("a=b:NoSchedule,example.org/c:NoExecute")) ==
            std::vector<Taint>{{"a", "b", "NoSchedule"}, {"example.org/c", "", "NoExecute"}});
    for (const char *text : {"a", "a=b", ":NoSchedule", "a=b:Never", "-a:NoSchedule", "a b:NoSchedule"}) {
        CAPTURE(text);
        REQUIRE(error_of(parse_taints(text)).code == EINVAL);
    }
}

TEST_CASE("a node may label itself, but not as part of Kubernetes", "[agent]") {
    REQUIRE(must(parse_node_labels("zone=a,example.org/rack=12,node.kubernetes.io/kind=small,empty=")) ==
            Labels{{"zone", "a"}, {"example.org/rack", "12"}, {"node.kubernetes.io/kind", "small"}, {"empty", ""}});
    REQUIRE(must(parse_node_labels("topology.kubernetes.io/zone=z")).size() == 1);
    REQUIRE(error_of(parse_node_labels("node-role.kubernetes.io/control-plane=")).code == EPERM);
    REQUIRE(error_of(parse_node_labels("x.k8s.io/a=b")).code == EPERM);
    for (const char *text : {"a", "=b", "a=b c", "/a=b", "A.B/c=d"}) {
        CAPTURE(text);
        REQUIRE(error_of(parse_node_labels(text)).code == EINVAL);
    }
}
