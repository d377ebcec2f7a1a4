// SPDX-License-Identifier: Apache-2.0
// What pods and their containers use, by Kubernetes' container runtime interface. Without cgroups: what those say is
// tests/unit/runtime/api's business, and that of the booted image.
#include <set>

#include "tests/integration/api/running_pod.h"

using namespace ballast;
using Pod = ballast::api_tests::RunningPod;
using grpc::Code;
namespace cri = ::runtime::v1;

namespace {

std::set<std::string> listed(Pod &pod, const std::function<void(cri::ContainerStatsFilter &)> &fill) {
    cri::ListContainerStatsRequest request;
    fill(*request.mutable_filter());
    const auto answer =
        pod.kubelet.answer<cri::ListContainerStatsResponse>("RuntimeService/ListContainerStats", request);
    std::set<std::string> ids;
    for (const cri::ContainerStats &stats : answer.stats()) {
        ids.insert(stats.attributes().id());
    }
    return ids;
}

cri::PodSandboxStats pod_stats(Pod &pod) {
    cri::PodSandboxStatsRequest request;
    request.set_pod_sandbox_id(pod.id);
    return pod.kubelet.answer<cri::PodSandboxStatsResponse>("RuntimeService/PodSandboxStats", request).stats();
}

int pods_listed(Pod &pod, const std::function<void(cri::PodSandboxStatsFilter &)> &fill) {
    cri::ListPodSandboxStatsRequest request;
    fill(*request.mutable_filter());
    return pod.kubelet.answer<cri::ListPodSandboxStatsResponse>("RuntimeService/ListPodSandboxStats", request)
        .stats_size();
}

} // namespace

TEST_CASE("a container's layer, a pod's network and its containers are told", "[api][cri][root]") {
    Pod pod;
    const std::string id = pod.start(Pod::config("app", {"wait"}));
    (void)pod.shell("printf '%0100000d' 0 > large && docker cp large " + id + ":/large");
    cri::ContainerStatsRequest request;
    request.set_container_id(id);
    const cri::ContainerStats stats =
        pod.kubelet.answer<cri::ContainerStatsResponse>("RuntimeService/ContainerStats", request).stats();
    CHECK(stats.attributes().id() == id);
    CHECK(stats.attributes().metadata().name() == "app");
    CHECK(stats.writable_layer().used_bytes().value() >= 100000);
    CHECK(stats.writable_layer().inodes_used().value() >= 2);
    CHECK(stats.writable_layer().timestamp() > 0);
    CHECK(stats.writable_layer().fs_id().mountpoint() == pod.path("data"));

    const cri::PodSandboxStats whole = pod_stats(pod);
    CHECK(whole.attributes().id() == pod.id);
    CHECK(whole.attributes().metadata().name() == "web");
    CHECK(whole.linux().network().default_interface().name() == "eth0");
    CHECK(whole.linux().network().timestamp() > 0);
    REQUIRE(whole.linux().containers_size() == 1);
    CHECK(whole.linux().containers(0).attributes().id() == id);

    const auto metrics = pod.kubelet.answer<cri::ListPodSandboxMetricsResponse>("RuntimeService/ListPodSandboxMetrics",
                                                                                cri::ListPodSandboxMetricsRequest());
    REQUIRE(metrics.pod_metrics_size() == 1);
    CHECK(metrics.pod_metrics(0).pod_sandbox_id() == pod.id);
    CHECK(metrics.pod_metrics(0).metrics_size() > 0);
    CHECK(pod.kubelet
              .answer<cri::ListMetricDescriptorsResponse>("RuntimeService/ListMetricDescriptors",
                                                          cri::ListMetricDescriptorsRequest())
              .descriptors_size() > 0);

    pod.stop_container(id, 0);
    CHECK(pod_stats(pod).linux().containers_size() == 0); // it uses nothing of the pod any more
}

TEST_CASE("what is used is listed by container, pod and labels", "[api][cri][root]") {
    Pod pod;
    cri::ContainerConfig config = Pod::config("one", {"wait"});
    (*config.mutable_labels())["tier"] = "a";
    const std::string one = pod.start(config), two = pod.create(Pod::config("two", {"wait"}));
    CHECK(listed(pod, [](auto &) {}) == std::set{one, two});
    CHECK(listed(pod, [&](auto &filter) { filter.set_id(one); }) == std::set{one});
    CHECK(listed(pod, [&](auto &filter) { filter.set_pod_sandbox_id(pod.id); }) == std::set{one, two});
    CHECK(listed(pod, [](auto &filter) { filter.set_pod_sandbox_id("nothing"); }).empty());
    CHECK(listed(pod, [](auto &filter) { (*filter.mutable_label_selector())["tier"] = "a"; }) == std::set{one});
    CHECK(pods_listed(pod, [](auto &) {}) == 1);
    CHECK(pods_listed(pod, [&](auto &filter) { filter.set_id(pod.id); }) == 1);
    CHECK(pods_listed(pod, [](auto &filter) { (*filter.mutable_label_selector())["tier"] = "a"; }) == 0);

    int streamed = 0;
    CHECK(pod.kubelet.client
              .stream("/runtime.v1.RuntimeService/StreamContainerStats", "",
                      [&](const std::string &bytes) {
                          cri::StreamContainerStatsResponse piece;
                          const grpc::Outcome outcome = grpc::read_message(bytes, piece);
                          streamed += piece.container_stats_size();
                          return outcome;
                      })
              .ok());
    CHECK(streamed == 2);

    pod.stop_sandbox(pod.id);
    CHECK(pods_listed(pod, [](auto &) {}) == 0);
    CHECK(pod.kubelet.ask<cri::ContainerStatsResponse>("RuntimeService/ContainerStats", cri::ContainerStatsRequest())
              .outcome.code == Code::kInvalidArgument);
    cri::PodSandboxStatsRequest nothing;
    nothing.set_pod_sandbox_id("nothing");
    CHECK(pod.kubelet.ask<cri::PodSandboxStatsResponse>("RuntimeService/PodSandboxStats", nothing).outcome.code ==
          Code::kNotFound);
}
