// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/quality.h"

#include <runtime/v1/api.pb.h>

#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using namespace ballast::agent::tests;

namespace {

Pod with(const std::string &resources) {
    return pod_of("  containers: [{name: a, image: i, resources: " + resources + "}]\n");
}
constexpr std::int64_t kGiB = 1LL << 30;

} // namespace

TEST_CASE("a pod's class of service follows from what it asks for", "[agent]") {
    REQUIRE(quality_of(with("{}")) == Quality::kBestEffort);
    REQUIRE(quality_of(with("{requests: {cpu: 1}}")) == Quality::kBurstable);
    REQUIRE(quality_of(with("{limits: {cpu: 1}}")) == Quality::kBurstable);
    REQUIRE(quality_of(with("{limits: {cpu: 1, memory: 1Gi}}")) == Quality::kGuaranteed);
    REQUIRE(quality_of(with("{requests: {cpu: 500m, memory: 1Gi}, limits: {cpu: 1, memory: 1Gi}}")) ==
            Quality::kBurstable);
    REQUIRE(quality_of(pod_of("  containers: [{name: a, image: i, resources: {limits: {cpu: 1, memory: 1Gi}}}, {name: "
                              "b, image: i}]\n")) == Quality::kBurstable);
}

TEST_CASE("a pod's slice is named after its class and its UID", "[agent]") {
    REQUIRE(slice_of(with("{}")) == "kubepods-besteffort-podu_1.slice");
    REQUIRE(slice_of(with("{requests: {cpu: 1}}")) == "kubepods-burstable-podu_1.slice");
    REQUIRE(slice_of(with("{limits: {cpu: 1, memory: 1Gi}}")) == "kubepods-podu_1.slice");
}

TEST_CASE("the OOM killer is told who goes first", "[agent]") {
    const auto score = [](const Pod &pod) { return oom_score_of(pod, pod.containers[0], 4 * kGiB); };
    REQUIRE(score(with("{}")) == 1000);
    REQUIRE(score(with("{limits: {cpu: 1, memory: 1Gi}}")) == -997);
    REQUIRE(score(with("{requests: {memory: 1Gi}}")) == 750);
    REQUIRE(score(with("{requests: {memory: 1Mi}}")) == 999);
    REQUIRE(score(with("{requests: {memory: 4Gi}}")) == 3);
    Pod manifest = with("{}");
    manifest.annotations["kubernetes.io/config.source"] = "file";
    REQUIRE(score(manifest) == 1000);
    manifest.priority_class = "system-node-critical";
    REQUIRE(score(manifest) == -997);
}

TEST_CASE("requests and limits become the kernel's numbers", "[agent]") {
    const Pod pod = with("{requests: {cpu: 250m}, limits: {cpu: 1500m, memory: 128Mi, hugepages-2Mi: 4Mi}}");
    ::runtime::v1::LinuxContainerResources resources;
    write_resources(pod, pod.containers[0], {.classes = true, .cpu_quota = true, .cpu_period = 100'000, .memory = kGiB},
                    resources);
    REQUIRE(resources.cpu_shares() == 256);
    REQUIRE(resources.cpu_period() == 100'000);
    REQUIRE(resources.cpu_quota() == 150'000);
    REQUIRE(resources.memory_limit_in_bytes() == 128 << 20);
    REQUIRE(resources.hugepage_limits(0).page_size() == "2MB");
    REQUIRE(resources.hugepage_limits(0).limit() == 4 << 20);
    REQUIRE(cpu_shares_of(0) == 2);
    REQUIRE(cpu_quota_of(1, 100'000) == 1000);
}

TEST_CASE("a pod's slice has limits when each of its containers has", "[agent]") {
    const SliceLimits bound =
        slice_limits_of(pod_of("  containers: [{name: a, image: i, resources: {limits: {cpu: 500m, memory: 1Mi}}}, "
                               "{name: b, image: i, resources: {limits: {cpu: 1, memory: 2Mi}}}]\n"),
                        100);
    REQUIRE(bound == SliceLimits{.cpu_weight = 59, .cpu_quota = 1'500'000, .memory = 3 << 20, .processes = 100});
    const SliceLimits open = slice_limits_of(pod_of("  containers: [{name: a, image: i, resources: {limits: {cpu: "
                                                    "500m, memory: 1Mi}}}, {name: b, image: i}]\n"),
                                             -1);
    REQUIRE_FALSE(open.cpu_quota);
    REQUIRE_FALSE(open.memory);
    REQUIRE_FALSE(open.processes);
}

TEST_CASE("classes of pods weigh what their pods ask for, and all are held to what there is", "[agent]") {
    const Pod burstable =
        pod_of("  containers: [{name: a, image: i, resources: {requests: {cpu: 500m}}}, {name: b, image: i}]\n");
    const Pod guaranteed = pod_of("  containers: [{name: a, image: i, resources: {limits: {cpu: 2, memory: 1Mi}}}]\n");
    const Pod nothing = pod_of("  containers: [{name: a, image: i}]\n");
    const SliceLimits all{.cpu_weight = 1, .cpu_quota = {}, .memory = 1 << 30, .processes = 1000};
    const auto slices = class_slices_of({&burstable, &burstable, &guaranteed, &nothing}, 1900, all);
    REQUIRE(slices.at("kubepods.slice") ==
            SliceLimits{.cpu_weight = 75, .cpu_quota = {}, .memory = 1 << 30, .processes = 1000});
    REQUIRE(slices.at("kubepods-burstable.slice").cpu_weight == 39); // of a thousand
    REQUIRE(slices.at("kubepods-besteffort.slice").cpu_weight == 1);
    REQUIRE_FALSE(slices.at("kubepods-burstable.slice").memory);
    REQUIRE(class_slices_of({}, 1900, all).at("kubepods-burstable.slice").cpu_weight == 1);
}
