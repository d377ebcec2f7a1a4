// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/placement.h"

#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using ballast::agent::tests::pod_of;

namespace {

std::vector<Toleration> tolerations(const std::string &list) {
    return pod_of("  containers: [{name: a, image: x}]\n  tolerations: [" + list + "]\n").tolerations;
}

// Whether a node "n" with the labels zone=a and slots=5 will do.
bool fits(const std::string &terms) {
    const Pod pod = pod_of("  containers: [{name: a, image: x}]\n  affinity: {nodeAffinity: "
                           "{requiredDuringSchedulingIgnoredDuringExecution: {nodeSelectorTerms: [" +
                           terms + "]}}}\n");
    REQUIRE(pod.node_terms.has_value());
    bool met = false;
    for (const NodeTerm &term : *pod.node_terms) {
        met = met || is_met(term, "n", {{"zone", "a"}, {"slots", "5"}});
    }
    return met;
}

bool fits_label(const std::string &requirement) { return fits("{matchExpressions: [{" + requirement + "}]}"); }

} // namespace

TEST_CASE("a toleration is for a key, a value and an effect, or for every one", "[agent]") {
    const auto tolerated = [](const std::string &list) {
        return tolerates(tolerations(list), "gone", "yes", "NoExecute");
    };
    CHECK(tolerated("{key: gone, value: 'yes', effect: NoExecute}"));
    CHECK(tolerated("{key: gone, operator: Equal, value: 'yes'}"));
    CHECK(tolerated("{key: gone, operator: Exists}"));
    CHECK(tolerated("{operator: Exists}"));
    CHECK(tolerated("{key: other}, {operator: Exists, effect: NoExecute}"));
    CHECK_FALSE(tolerated(""));
    CHECK_FALSE(tolerated("{key: gone, value: 'no'}"));
    CHECK_FALSE(tolerated("{key: gone, operator: Exists, effect: NoSchedule}"));
    CHECK_FALSE(tolerated("{key: other, operator: Exists}"));
    CHECK_FALSE(tolerated("{key: gone, operator: Other, value: 'yes'}"));
}

TEST_CASE("a node is one that a pod must have when it meets all of one term", "[agent]") {
    CHECK(fits_label("key: zone, operator: In, values: [b, a]"));
    CHECK_FALSE(fits_label("key: zone, operator: In, values: [b]"));
    CHECK_FALSE(fits_label("key: none, operator: In, values: ['']"));
    CHECK(fits_label("key: zone, operator: NotIn, values: [b]"));
    CHECK(fits_label("key: none, operator: NotIn, values: [b]"));
    CHECK_FALSE(fits_label("key: zone, operator: NotIn, values: [a]"));
    CHECK(fits_label("key: zone, operator: Exists"));
    CHECK_FALSE(fits_label("key: none, operator: Exists"));
    CHECK(fits_label("key: none, operator: DoesNotExist"));
    CHECK_FALSE(fits_label("key: zone, operator: DoesNotExist"));
    CHECK(fits_label("key: slots, operator: Gt, values: ['4']"));
    CHECK_FALSE(fits_label("key: slots, operator: Gt, values: ['5']"));
    CHECK(fits_label("key: slots, operator: Lt, values: ['6']"));
    CHECK_FALSE(fits_label("key: zone, operator: Gt, values: ['4']"));
    CHECK_FALSE(fits_label("key: none, operator: Lt, values: ['6']"));
    CHECK_FALSE(fits_label("key: zone, operator: Other, values: [a]"));
    CHECK(fits("{matchFields: [{key: metadata.name, operator: In, values: [n]}]}"));
    CHECK_FALSE(fits("{matchFields: [{key: metadata.name, operator: In, values: [m]}]}"));
    CHECK_FALSE(fits("{matchExpressions: [{key: zone, operator: Exists}, {key: none, operator: Exists}]}"));
    CHECK(fits(
        "{matchExpressions: [{key: none, operator: Exists}]}, {matchExpressions: [{key: zone, operator: Exists}]}"));
    CHECK_FALSE(fits("{}"));
    CHECK_FALSE(fits(""));
}
