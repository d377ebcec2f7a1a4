// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <chrono>
#include <limits>

#include "runtime/api/cri_container_request.h"
#include "runtime/api/cri_container_view.h"
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_pod_view.h"
#include "runtime/api/cri_services.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using engine::Pods;
using engine::Snapshot;

template <typename Request>
Result<std::string> wanted(const Request &request) {
    return request.container_id().empty() ? Result<std::string>(fail(EINVAL, "want container_id"))
                                          : request.container_id();
}

Result<cri::CreateContainerResponse> create(const Backend &backend, const cri::CreateContainerRequest &request) {
    if (request.pod_sandbox_id().empty()) {
        return fail(EINVAL, "want pod_sandbox_id");
    }
    cri::CreateContainerResponse response;
    response.set_container_id(
        TRY(backend.engine.pods().create(request.pod_sandbox_id(), TRY(read_container(request)))));
    return response;
}

Result<cri::StartContainerResponse> start(const Backend &backend, const cri::StartContainerRequest &request) {
    TRY(backend.engine.pods().start(TRY(wanted(request))));
    return cri::StartContainerResponse();
}

Result<cri::StopContainerResponse> stop(const Backend &backend, const cri::StopContainerRequest &request) {
    const auto timeout =
        static_cast<int>(std::clamp<std::int64_t>(request.timeout(), 0, std::numeric_limits<int>::max()));
    TRY(gone_is_fine(backend.engine.pods().stop(TRY(wanted(request)), timeout)));
    return cri::StopContainerResponse();
}

Result<cri::RemoveContainerResponse> remove(const Backend &backend, const cri::RemoveContainerRequest &request) {
    TRY(gone_is_fine(backend.engine.pods().remove_container(TRY(wanted(request)))));
    return cri::RemoveContainerResponse();
}

Result<cri::ContainerStatusResponse> status(const Backend &backend, const cri::ContainerStatusRequest &request) {
    const Snapshot container = TRY(backend.engine.pods().container(TRY(wanted(request))));
    cri::ContainerStatusResponse response;
    *response.mutable_status() = cri_container_status(container, backend.images);
    if (request.verbose()) {
        (*response.mutable_info())["info"] = cri_process_info(container, container.pod.sandbox, backend.engine.pods());
    }
    return response;
}

template <typename Take>
Status each(const Backend &backend, const cri::ContainerFilter &filter, Take take) {
    if (filter.has_state() && !cri::ContainerState_IsValid(filter.state().state())) {
        return fail(EINVAL, "filter: " + std::to_string(filter.state().state()) + " is no state of a container");
    }
    const engine::PodFilter wanted{.id = filter.id(),
                                   .sandbox = filter.pod_sandbox_id(),
                                   .labels = {filter.label_selector().begin(), filter.label_selector().end()}};
    for (const Snapshot &container : backend.engine.pods().containers(wanted)) {
        if (!filter.has_state() || cri_state(container.state) == filter.state().state()) {
            TRY(take(cri_container(container)));
        }
    }
    return {};
}

Result<cri::ListContainersResponse> list(const Backend &backend, const cri::ListContainersRequest &request) {
    cri::ListContainersResponse response;
    TRY(each(backend, request.filter(), [&response](cri::Container container) -> Status {
        *response.add_containers() = std::move(container);
        return {};
    }));
    return response;
}

Status stream(const Backend &backend, const cri::StreamContainersRequest &request, grpc::Call &call) {
    CriPieces<cri::StreamContainersResponse> pieces(call);
    TRY(each(backend, request.filter(), [&pieces](cri::Container container) -> Status {
        *pieces.piece().add_containers() = std::move(container);
        return pieces.added();
    }));
    return pieces.end();
}

Result<cri::UpdateContainerResourcesResponse> update(const Backend &backend,
                                                     const cri::UpdateContainerResourcesRequest &request) {
    TRY(backend.engine.pods().update(TRY(wanted(request)), TRY(read_limits(request.linux()))));
    return cri::UpdateContainerResourcesResponse();
}

Result<cri::ReopenContainerLogResponse> reopen_log(const Backend &backend,
                                                   const cri::ReopenContainerLogRequest &request) {
    TRY(backend.engine.pods().reopen_log(TRY(wanted(request))));
    return cri::ReopenContainerLogResponse();
}

Result<cri::CheckpointContainerResponse> checkpoint(const Backend &backend,
                                                    const cri::CheckpointContainerRequest &request) {
    (void)TRY(backend.engine.pods().container(TRY(wanted(request))));
    return fail(ENOTSUP, "this engine makes no checkpoints of containers");
}

Result<cri::ExecSyncResponse> run(const Backend &backend, const cri::ExecSyncRequest &request, grpc::Call &call) {
    std::optional<std::chrono::seconds> timeout;
    if (request.timeout() < 0) {
        return fail(EINVAL, "timeout: want seconds, or 0 for none");
    }
    if (request.timeout() > 0) {
        constexpr std::int64_t kLongest = 10LL * 365 * 24 * 3600;
        timeout = std::chrono::seconds(std::min(request.timeout(), kLongest));
    }
    engine::RunInside done = TRY(backend.engine.pods().run(
        TRY(wanted(request)), {request.cmd().begin(), request.cmd().end()}, timeout, call.stop()));
    cri::ExecSyncResponse response;
    response.set_stdout(std::move(done.output));
    response.set_stderr(std::move(done.errors));
    response.set_exit_code(done.exit_code);
    return response;
}

} // namespace

grpc::Methods cri_container_methods(const Backend &backend) {
    const std::string service = kCriRuntime;
    return {
        {service + "CreateContainer", cri_method(backend, create)},
        {service + "StartContainer", cri_method(backend, start)},
        {service + "StopContainer", cri_method(backend, stop)},
        {service + "RemoveContainer", cri_method(backend, remove)},
        {service + "ContainerStatus", cri_method(backend, status)},
        {service + "ListContainers", cri_method(backend, list)},
        {service + "StreamContainers", cri_stream(backend, stream)},
        {service + "UpdateContainerResources", cri_method(backend, update)},
        {service + "CheckpointContainer", cri_method(backend, checkpoint)},
        {service + "ReopenContainerLog", cri_method(backend, reopen_log)},
        {service + "ExecSync", cri_method(backend, run)},
    };
}

} // namespace ballast::api
