// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_metrics_view.h"
#include "runtime/api/cri_services.h"
#include "runtime/api/cri_stats_view.h"
#include "runtime/engine/pods.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;

std::filesystem::path data_root(const Backend &backend) { return backend.configuration()->data_root; }

Result<cri::ContainerStatsResponse> container(const Backend &backend, const cri::ContainerStatsRequest &request) {
    if (request.container_id().empty()) {
        return fail(EINVAL, "want container_id");
    }
    cri::ContainerStatsResponse response;
    *response.mutable_stats() =
        cri_container_stats(TRY(backend.engine.pods().container_usage(request.container_id())), data_root(backend));
    return response;
}

std::vector<engine::ContainerUsage> wanted(const Backend &backend, const cri::ContainerStatsFilter &filter) {
    return backend.engine.pods().container_usages(
        {.id = filter.id(),
         .sandbox = filter.pod_sandbox_id(),
         .labels = {filter.label_selector().begin(), filter.label_selector().end()}});
}

Result<cri::ListContainerStatsResponse> containers(const Backend &backend,
                                                   const cri::ListContainerStatsRequest &request) {
    cri::ListContainerStatsResponse response;
    for (const engine::ContainerUsage &usage : wanted(backend, request.filter())) {
        *response.add_stats() = cri_container_stats(usage, data_root(backend));
    }
    return response;
}

Status stream_containers(const Backend &backend, const cri::StreamContainerStatsRequest &request, grpc::Call &call) {
    CriPieces<cri::StreamContainerStatsResponse> pieces(call);
    for (const engine::ContainerUsage &usage : wanted(backend, request.filter())) {
        *pieces.piece().add_container_stats() = cri_container_stats(usage, data_root(backend));
        TRY(pieces.added());
    }
    return pieces.end();
}

Result<cri::PodSandboxStatsResponse> pod(const Backend &backend, const cri::PodSandboxStatsRequest &request) {
    if (request.pod_sandbox_id().empty()) {
        return fail(EINVAL, "want pod_sandbox_id");
    }
    cri::PodSandboxStatsResponse response;
    *response.mutable_stats() =
        cri_pod_stats(TRY(backend.engine.pods().pod_usage(request.pod_sandbox_id())), data_root(backend));
    return response;
}

std::vector<engine::PodUsage> wanted(const Backend &backend, const cri::PodSandboxStatsFilter &filter) {
    return backend.engine.pods().pod_usages(
        {.id = filter.id(), .labels = {filter.label_selector().begin(), filter.label_selector().end()}});
}

Result<cri::ListPodSandboxStatsResponse> pods(const Backend &backend, const cri::ListPodSandboxStatsRequest &request) {
    cri::ListPodSandboxStatsResponse response;
    for (const engine::PodUsage &usage : wanted(backend, request.filter())) {
        *response.add_stats() = cri_pod_stats(usage, data_root(backend));
    }
    return response;
}

Status stream_pods(const Backend &backend, const cri::StreamPodSandboxStatsRequest &request, grpc::Call &call) {
    CriPieces<cri::StreamPodSandboxStatsResponse> pieces(call);
    for (const engine::PodUsage &usage : wanted(backend, request.filter())) {
        *pieces.piece().add_pod_sandbox_stats() = cri_pod_stats(usage, data_root(backend));
        TRY(pieces.added());
    }
    return pieces.end();
}

Result<cri::ListMetricDescriptorsResponse> descriptors(const Backend &, const cri::ListMetricDescriptorsRequest &) {
    return cri_metric_descriptors();
}

Result<cri::ListPodSandboxMetricsResponse> metrics(const Backend &backend, const cri::ListPodSandboxMetricsRequest &) {
    cri::ListPodSandboxMetricsResponse response;
    for (const engine::PodUsage &usage : backend.engine.pods().pod_usages({})) {
        *response.add_pod_metrics() = cri_pod_metrics(usage);
    }
    return response;
}

Status stream_metrics(const Backend &backend, const cri::StreamPodSandboxMetricsRequest &, grpc::Call &call) {
    CriPieces<cri::StreamPodSandboxMetricsResponse> pieces(call);
    for (const engine::PodUsage &usage : backend.engine.pods().pod_usages({})) {
        *pieces.piece().add_pod_sandbox_metrics() = cri_pod_metrics(usage);
        TRY(pieces.added());
    }
    return pieces.end();
}

} // namespace

grpc::Methods cri_stats_methods(const Backend &backend) {
    const std::string service = kCriRuntime;
    return {
        {service + "ContainerStats", cri_method(backend, container)},
        {service + "ListContainerStats", cri_method(backend, containers)},
        {service + "StreamContainerStats", cri_stream(backend, stream_containers)},
        {service + "PodSandboxStats", cri_method(backend, pod)},
        {service + "ListPodSandboxStats", cri_method(backend, pods)},
        {service + "StreamPodSandboxStats", cri_stream(backend, stream_pods)},
        {service + "ListMetricDescriptors", cri_method(backend, descriptors)},
        {service + "ListPodSandboxMetrics", cri_method(backend, metrics)},
        {service + "StreamPodSandboxMetrics", cri_stream(backend, stream_metrics)},
    };
}

} // namespace ballast::api
