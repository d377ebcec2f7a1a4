// SPDX-License-Identifier: Apache-2.0
#include "agent/node/node_object.h"

#include "base/timestamp.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000, kThen = 1'700'000'000 * kSecond, kLater = kThen + 10 * kSecond;

NodeInputs healthy() {
    return {.settings = {.name = "n",
                         .addresses = {"10.0.0.5", "fd00::5"},
                         .labels = {{"zone", "a"}},
                         .taints = {{"k", "v", "NoSchedule"}},
                         .provider_id = "cloud://1"},
            .facts = {.machine_id = "m",
                      .kernel = "6.12",
                      .processors = 2,
                      .memory = 4LL << 30,
                      .memory_available = 2LL << 30,
                      .storage = 100LL << 30,
                      .storage_available = 50LL << 30,
                      .processes = 100,
                      .most_processes = 32768,
                      .huge_pages = {{"hugepages-2Mi", 4LL << 20}, {"hugepages-1Gi", 0}}},
            .runtime = {.version = "ballastd 0.1.0",
                        .images = {{{"small@sha256:1", "small:1"}, 10}, {{}, 999}, {{"large:1"}, 20}}}};
}

const Json &condition(const Json &object, const std::string &type) {
    for (const Json &each : json_at(object, {"status", "conditions"})) {
        if (json_text(each, {"type"}) == type) {
            return each;
        }
    }
    FAIL("no condition " << type);
    return object;
}

} // namespace

TEST_CASE("a new node says what it is and has", "[agent]") {
    const Json node = new_node(healthy(), kThen);
    REQUIRE(json_at(node, {"metadata", "labels"}) == Json{{"zone", "a"},
                                                          {"kubernetes.io/hostname", "n"},
                                                          {"kubernetes.io/os", "linux"},
                                                          {"kubernetes.io/arch", "amd64"},
                                                          {"beta.kubernetes.io/os", "linux"},
                                                          {"beta.kubernetes.io/arch", "amd64"}});
    REQUIRE(json_text(node, {"spec", "providerID"}) == "cloud://1");
    REQUIRE(json_at(node, {"spec", "taints"}).size() == 1);
    const Json &capacity = json_at(node, {"status", "capacity"}),
               &allocatable = json_at(node, {"status", "allocatable"});
    REQUIRE(capacity == Json{{"cpu", "2"},
                             {"pods", "110"},
                             {"memory", "4194304Ki"},
                             {"ephemeral-storage", "104857600Ki"},
                             {"hugepages-2Mi", "4096Ki"},
                             {"hugepages-1Gi", "0"}});
    REQUIRE(json_text(allocatable, {"memory"}) == "4087808Ki"); // less what is kept free, and huge pages
    REQUIRE(json_text(allocatable, {"ephemeral-storage"}) == "94371840Ki");
    REQUIRE(json_text(node, {"status", "nodeInfo", "containerRuntimeVersion"}) == "ballastd://0.1.0");
    const Json images =
        Json::parse(R"([{"names":["large:1"],"sizeBytes":20},{"names":["small@sha256:1","small:1"],"sizeBytes":10}])");
    REQUIRE(json_at(node, {"status", "images"}) == images);
    NodeInputs outside = healthy();
    outside.settings.external_cloud = true;
    REQUIRE(json_at(new_node(outside, kThen), {"spec", "taints"}).size() == 2);
}

TEST_CASE("conditions are what kubelet's would be, and keep the time since when they are so", "[agent]") {
    NodeInputs inputs = healthy();
    const Json first = node_status_patch(inputs, {}, kThen);
    REQUIRE(json_text(condition(first, "Ready"), {"reason"}) == "KubeletReady");
    REQUIRE(json_text(condition(first, "Ready"), {"lastTransitionTime"}) == timestamp(kThen, Fraction::kNone));
    inputs.runtime.trouble = "container runtime is down: x";
    inputs.facts.memory_available = 50LL << 20;
    inputs.facts.storage_available = 9LL << 30;
    inputs.facts.processes = 32000;
    inputs.settings.reservation.eviction.emplace()["pid.available"] = {.percent = Quantity::of(5)};
    inputs.settings.reservation.merges = true;
    const Json second = node_status_patch(inputs, first, kLater);
    for (const char *type : {"MemoryPressure", "DiskPressure", "PIDPressure"}) {
        CHECK(json_text(condition(first, type), {"status"}) == "False");
        CHECK(json_text(condition(second, type), {"status"}) == "True");
        CHECK(json_text(condition(second, type), {"lastTransitionTime"}) == timestamp(kLater, Fraction::kNone));
    }
    REQUIRE(json_text(condition(second, "Ready"), {"status"}) == "False");
    REQUIRE(json_text(condition(second, "Ready"), {"message"}) == "container runtime is down: x");
    const Json third = node_status_patch(inputs, second, kLater + kSecond);
    REQUIRE(json_text(condition(third, "Ready"), {"lastTransitionTime"}) == timestamp(kLater, Fraction::kNone));
    REQUIRE(json_text(condition(third, "Ready"), {"lastHeartbeatTime"}) ==
            timestamp(kLater + kSecond, Fraction::kNone));
}

TEST_CASE("what is reserved is not for pods", "[agent]") {
    NodeInputs inputs = healthy();
    Reservation &reservation = inputs.settings.reservation;
    reservation.kube = must(parse_amounts("cpu=100m,memory=512Mi"));
    reservation.system = must(parse_amounts("cpu=150m,memory=512Mi,ephemeral-storage=10Gi"));
    reservation.eviction = must(parse_thresholds("memory.available<1Gi"));
    const Json node = new_node(inputs, kThen);
    const Json &left = json_at(node, {"status", "allocatable"});
    CHECK(json_text(left, {"cpu"}) == "1750m");
    CHECK(json_text(left, {"memory"}) == "2093056Ki"); // two of four, and huge pages
    CHECK(json_text(left, {"ephemeral-storage"}) == "94371840Ki");
    CHECK(json_text(json_at(node, {"status", "capacity"}), {"cpu"}) == "2");
    inputs.facts.memory_available = (1LL << 30) - 1;
    CHECK(json_text(condition(node_status_patch(inputs, {}, kThen), "MemoryPressure"), {"status"}) == "True");
    inputs.facts.storage_available = 0; // no threshold is given for it
    CHECK(json_text(condition(node_status_patch(inputs, {}, kThen), "DiskPressure"), {"status"}) == "False");
}

TEST_CASE("a status that says nothing new need not be sent", "[agent]") {
    NodeInputs inputs = healthy();
    Json node = new_node(inputs, kThen);
    node["status"]["conditions"].push_back({{"type", "NetworkUnavailable"}, {"status", "False"}}); // somebody else's
    REQUIRE_FALSE(node_status_differs(node_status_patch(inputs, node, kLater), node));
    REQUIRE(json_at(node_status_patch(inputs, node, kLater), {"status", "addresses"}).at(0) ==
            Json::object({{"$patch", "replace"}}));
    inputs.settings.addresses = {"10.0.0.6"};
    REQUIRE(node_status_differs(node_status_patch(inputs, node, kLater), node));
    inputs = healthy();
    inputs.runtime.trouble = "gone";
    REQUIRE(node_status_differs(node_status_patch(inputs, node, kLater), node));
    inputs = healthy();
    inputs.runtime.images.pop_back();
    REQUIRE(node_status_differs(node_status_patch(inputs, node, kLater), node));
}

TEST_CASE("labels that are this node's are put on a Node that was there before", "[agent]") {
    const NodeInputs inputs = healthy();
    REQUIRE(node_labels_patch(inputs, new_node(inputs, kThen)).is_null());
    Json node = new_node(inputs, kThen);
    node["metadata"]["labels"]["zone"] = "b";
    node["metadata"]["labels"]["other"] = "c";
    REQUIRE(node_labels_patch(inputs, node) == Json::parse(R"({"metadata":{"labels":{"zone":"a"}}})"));
}

TEST_CASE("a lease is renewed as it was, for its node", "[agent]") {
    const Json node = {{"metadata", {{"uid", "u-1"}}}};
    const Json fresh = renewed_lease({}, "n", node, kThen);
    REQUIRE(json_text(fresh, {"spec", "holderIdentity"}) == "n");
    REQUIRE(json_text(fresh, {"spec", "renewTime"}) == "2023-11-14T22:13:20.000000Z");
    REQUIRE(json_text(json_at(fresh, {"metadata", "ownerReferences"}).at(0), {"uid"}) == "u-1");
    Json there = fresh;
    there["metadata"]["resourceVersion"] = "7";
    const Json renewed = renewed_lease(there, "n", node, kLater);
    REQUIRE(json_text(renewed, {"metadata", "resourceVersion"}) == "7");
    REQUIRE(json_text(renewed, {"spec", "renewTime"}) == "2023-11-14T22:13:30.000000Z");
}
