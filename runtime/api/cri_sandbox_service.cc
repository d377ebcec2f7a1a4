// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "base/timestamp.h"
#include "runtime/api/cri_container_view.h"
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_pod_view.h"
#include "runtime/api/cri_sandbox_request.h"
#include "runtime/api/cri_services.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using engine::Pods;
using engine::Snapshot;

Result<std::string> wanted(const std::string &id) {
    return id.empty() ? Result<std::string>(fail(EINVAL, "want pod_sandbox_id")) : id;
}

Result<cri::RunPodSandboxResponse> run(const Backend &backend, const cri::RunPodSandboxRequest &request) {
    cri::RunPodSandboxResponse response;
    response.set_pod_sandbox_id(TRY(backend.engine.pods().run(TRY(read_sandbox(request)))));
    return response;
}

Result<cri::StopPodSandboxResponse> stop(const Backend &backend, const cri::StopPodSandboxRequest &request) {
    TRY(gone_is_fine(backend.engine.pods().stop(TRY(wanted(request.pod_sandbox_id())))));
    return cri::StopPodSandboxResponse();
}

Result<cri::RemovePodSandboxResponse> remove(const Backend &backend, const cri::RemovePodSandboxRequest &request) {
    TRY(gone_is_fine(backend.engine.pods().remove(TRY(wanted(request.pod_sandbox_id())))));
    return cri::RemovePodSandboxResponse();
}

Result<cri::PodSandboxStatusResponse> status(const Backend &backend, const cri::PodSandboxStatusRequest &request) {
    const Pods pods = backend.engine.pods();
    const Snapshot sandbox = TRY(pods.sandbox(TRY(wanted(request.pod_sandbox_id()))));
    cri::PodSandboxStatusResponse response;
    *response.mutable_status() = cri_sandbox_status(sandbox, pods.ready(sandbox));
    for (const Snapshot &container : pods.containers({.sandbox = sandbox.id})) {
        *response.add_containers_statuses() = cri_container_status(container, backend.images);
    }
    response.set_timestamp(now_ns());
    if (request.verbose()) {
        (*response.mutable_info())["info"] = cri_process_info(sandbox, sandbox.id, pods);
    }
    return response;
}

template <typename Take>
Status each(const Backend &backend, const cri::PodSandboxFilter &filter, Take take) {
    if (filter.has_state() && !cri::PodSandboxState_IsValid(filter.state().state())) {
        return fail(EINVAL, "filter: " + std::to_string(filter.state().state()) + " is no state of a sandbox");
    }
    const Pods pods = backend.engine.pods();
    const engine::PodFilter wanted{.id = filter.id(),
                                   .labels = {filter.label_selector().begin(), filter.label_selector().end()}};
    for (const Snapshot &sandbox : pods.sandboxes(wanted)) {
        const bool ready = pods.ready(sandbox);
        if (!filter.has_state() || ready == (filter.state().state() == cri::SANDBOX_READY)) {
            TRY(take(cri_sandbox(sandbox, ready)));
        }
    }
    return {};
}

Result<cri::ListPodSandboxResponse> list(const Backend &backend, const cri::ListPodSandboxRequest &request) {
    cri::ListPodSandboxResponse response;
    TRY(each(backend, request.filter(), [&response](cri::PodSandbox sandbox) -> Status {
        *response.add_items() = std::move(sandbox);
        return {};
    }));
    return response;
}

Status stream(const Backend &backend, const cri::StreamPodSandboxesRequest &request, grpc::Call &call) {
    CriPieces<cri::StreamPodSandboxesResponse> pieces(call);
    TRY(each(backend, request.filter(), [&pieces](cri::PodSandbox sandbox) -> Status {
        *pieces.piece().add_pod_sandboxes() = std::move(sandbox);
        return pieces.added();
    }));
    return pieces.end();
}

// Told after kubelet has set the pod's cgroup: there is nothing left to do here.
Result<cri::UpdatePodSandboxResourcesResponse> update(const Backend &backend,
                                                      const cri::UpdatePodSandboxResourcesRequest &request) {
    (void)TRY(backend.engine.pods().sandbox(TRY(wanted(request.pod_sandbox_id()))));
    return cri::UpdatePodSandboxResourcesResponse();
}

} // namespace

grpc::Methods cri_sandbox_methods(const Backend &backend) {
    const std::string service = kCriRuntime;
    return {
        {service + "RunPodSandbox", cri_method(backend, run)},
        {service + "StopPodSandbox", cri_method(backend, stop)},
        {service + "RemovePodSandbox", cri_method(backend, remove)},
        {service + "PodSandboxStatus", cri_method(backend, status)},
        {service + "UpdatePodSandboxResources", cri_method(backend, update)},
        {service + "ListPodSandbox", cri_method(backend, list)},
        {service + "StreamPodSandboxes", cri_stream(backend, stream)},
    };
}

} // namespace ballast::api
