// SPDX-License-Identifier: Apache-2.0
#include "agent/cri_client/runtime.h"

#include <algorithm>
#include <format>
#include <runtime/v1/api.pb.h>
#include <thread>

#include "agent/cri_client/labels.h"
#include "agent/cri_client/runtime_inner.h"

namespace ballast::agent {
namespace {

namespace cri = ::runtime::v1;

// What a stopping container may take beyond its grace.
constexpr std::chrono::seconds kSlack{30};

// How many sandboxes and containers are made and started at once.
unsigned places() { return std::max(4U, 2 * std::thread::hardware_concurrency()); }

template <typename Labels>
std::string label(const Labels &labels, const char *name) {
    const auto found = labels.find(name);
    return found == labels.end() ? "" : found->second;
}

ContainerState state_of(cri::ContainerState state) {
    switch (state) {
    case cri::CONTAINER_CREATED:
        return ContainerState::kCreated;
    case cri::CONTAINER_RUNNING:
        return ContainerState::kRunning;
    case cri::CONTAINER_EXITED:
        return ContainerState::kExited;
    default:
        return ContainerState::kUnknown;
    }
}

ObservedSandbox observed(const cri::PodSandbox &from) {
    return {.id = from.id(),
            .attempt = from.metadata().attempt(),
            .ready = from.state() == cri::SANDBOX_READY,
            .created = from.created_at(),
            .address = {},
            .annotations = {from.annotations().begin(), from.annotations().end()}};
}

ObservedContainer observed(const cri::ContainerStatus &from, const std::string &sandbox) {
    ObservedContainer to{.id = from.id(),
                         .name = label(from.labels(), labels::kContainerName),
                         .sandbox = sandbox,
                         .attempt = from.metadata().attempt(),
                         .state = state_of(from.state()),
                         .created = from.created_at(),
                         .started = from.started_at(),
                         .finished = from.finished_at(),
                         .exit_code = from.exit_code(),
                         .reason = from.reason(),
                         .message = from.message(),
                         .image = from.image().image(),
                         .image_ref = from.image_ref(),
                         .log_path = from.log_path(),
                         .annotations = {from.annotations().begin(), from.annotations().end()}};
    to.name = to.name.empty() ? from.metadata().name() : to.name;
    return to;
}

} // namespace

int code_of(grpc::Code code) {
    switch (code) {
    case grpc::Code::kUnavailable:
        return EAGAIN;
    case grpc::Code::kDeadlineExceeded:
        return ETIMEDOUT;
    case grpc::Code::kCancelled:
        return ECANCELED;
    case grpc::Code::kNotFound:
        return ENOENT;
    case grpc::Code::kInvalidArgument:
        return EINVAL;
    case grpc::Code::kAlreadyExists:
        return EEXIST;
    case grpc::Code::kUnimplemented:
        return ENOTSUP;
    default:
        return EIO;
    }
}

Result<ObservedContainer> Runtime::Inner::status(const cri::Container &listed) {
    if (const auto found = ended.find(listed.id()); found != ended.end()) {
        return found->second;
    }
    cri::ContainerStatusRequest request;
    request.set_container_id(listed.id());
    const auto response = TRY(ask<cri::ContainerStatusResponse>("RuntimeService/ContainerStatus", request));
    return observed(response.status(), listed.pod_sandbox_id());
}

Runtime::Runtime(std::filesystem::path socket, std::chrono::nanoseconds patience)
    : inner_(std::make_unique<Inner>(std::move(socket), patience, places())) {}
Runtime::~Runtime() = default;

Result<std::string> Runtime::version() {
    const auto answer =
        TRY(inner_->ask<cri::VersionResponse>("RuntimeService/Version", cri::VersionRequest()).within("version"));
    return answer.runtime_name() + " " + answer.runtime_version();
}

Result<std::string> Runtime::trouble() {
    const auto answer =
        TRY(inner_->ask<cri::StatusResponse>("RuntimeService/Status", cri::StatusRequest()).within("status"));
    std::string troubles;
    for (const cri::RuntimeCondition &condition : answer.status().conditions()) {
        if (!condition.status()) {
            const char *what = condition.type() == "NetworkReady" ? "container runtime network" : "container runtime";
            troubles += std::format("{}{} not ready: {}=false reason:{} message:{}", troubles.empty() ? "" : ", ", what,
                                    condition.type(), condition.reason(), condition.message());
        }
    }
    return troubles;
}

Status Runtime::follow(const std::function<void(const std::string &pod_uid)> &changed, std::stop_token stop) {
    const auto tell = [&changed](const std::string &bytes) {
        cri::ContainerEventResponse event;
        grpc::Outcome read = grpc::read_message(bytes, event);
        if (read.ok()) {
            changed(event.pod_sandbox_status().metadata().uid());
        }
        return read;
    };
    const grpc::Outcome ended =
        inner_->client.stream("/runtime.v1.RuntimeService/GetContainerEvents",
                              cri::GetEventsRequest().SerializeAsString(), tell, {.stop = std::move(stop)});
    return ended.ok() ? Status() : fail(code_of(ended.code), "follow what happens to pods: " + ended.message);
}

Result<ObservedPods> Runtime::pods() {
    const std::lock_guard lock(inner_->mutex);
    // Containers first: their sandboxes are in the later list, unless they are gone together.
    const auto containers =
        TRY(inner_->ask<cri::ListContainersResponse>("RuntimeService/ListContainers", cri::ListContainersRequest())
                .within("list containers"));
    const auto sandboxes =
        TRY(inner_->ask<cri::ListPodSandboxResponse>("RuntimeService/ListPodSandbox", cri::ListPodSandboxRequest())
                .within("list pods"));
    ObservedPods pods;
    std::map<std::string, std::string> addresses;
    for (const cri::PodSandbox &sandbox : sandboxes.items()) {
        const std::string uid = label(sandbox.labels(), labels::kPodUid);
        if (uid.empty()) {
            continue; // somebody else's
        }
        ObservedPod &pod = pods[uid];
        pod.uid = uid;
        pod.name = label(sandbox.labels(), labels::kPodName);
        pod.name_space = label(sandbox.labels(), labels::kPodNamespace);
        pod.sandboxes.push_back(observed(sandbox));
        if (pod.sandboxes.back().ready) {
            const auto known = inner_->addresses.find(sandbox.id());
            Result<std::string> address =
                known != inner_->addresses.end() ? Result<std::string>(known->second) : sandbox_address(sandbox.id());
            if (!address.has_value() && address.error().code != ENOENT) {
                return std::unexpected(address.error());
            }
            pod.sandboxes.back().address = address.value_or("");
            addresses.insert_or_assign(sandbox.id(), pod.sandboxes.back().address);
        }
    }
    inner_->addresses = std::move(addresses);
    std::map<std::string, ObservedContainer> ended;
    for (const cri::Container &listed : containers.containers()) {
        const auto pod = pods.find(label(listed.labels(), labels::kPodUid));
        if (pod == pods.end()) {
            continue;
        }
        Result<ObservedContainer> container = inner_->status(listed);
        if (!container.has_value() && container.error().code == ENOENT) {
            continue; // removed meanwhile
        }
        pod->second.containers.push_back(TRY(std::move(container).within("status of " + listed.id())));
        if (pod->second.containers.back().state == ContainerState::kExited) {
            ended.insert_or_assign(listed.id(), pod->second.containers.back());
        }
    }
    inner_->ended = std::move(ended);
    for (auto &[uid, pod] : pods) {
        std::ranges::sort(pod.sandboxes, std::greater(), &ObservedSandbox::created);
        std::ranges::sort(pod.containers, std::greater(), &ObservedContainer::created);
    }
    return pods;
}

Result<std::string> Runtime::run_sandbox(const cri::PodSandboxConfig &config, std::stop_token stop) {
    cri::RunPodSandboxRequest request;
    *request.mutable_config() = config;
    const Places::Place place = TRY(inner_->starts.take(Places::Turn::kBegins, stop));
    // Plugins of networks may take long: as long as kubelet waits for them.
    const grpc::CallOptions options{.timeout = inner_->patience * 2, .stop = std::move(stop)};
    return TRY(inner_->ask<cri::RunPodSandboxResponse>("RuntimeService/RunPodSandbox", request, options))
        .pod_sandbox_id();
}

Status Runtime::stop_sandbox(const std::string &id) {
    cri::StopPodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    TRY(inner_->ask<cri::StopPodSandboxResponse>("RuntimeService/StopPodSandbox", request).within("stop sandbox"));
    return {};
}

Status Runtime::remove_sandbox(const std::string &id) {
    cri::RemovePodSandboxRequest request;
    request.set_pod_sandbox_id(id);
    TRY(inner_->ask<cri::RemovePodSandboxResponse>("RuntimeService/RemovePodSandbox", request)
            .within("remove sandbox"));
    return {};
}

Result<std::string> Runtime::sandbox_address(const std::string &id) {
    cri::PodSandboxStatusRequest request;
    request.set_pod_sandbox_id(id);
    return TRY(inner_->ask<cri::PodSandboxStatusResponse>("RuntimeService/PodSandboxStatus", request).within("sandbox"))
        .status()
        .network()
        .ip();
}

Result<std::string> Runtime::create_container(const std::string &sandbox, const cri::ContainerConfig &config,
                                              const cri::PodSandboxConfig &sandbox_config) {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(sandbox);
    *request.mutable_config() = config;
    *request.mutable_sandbox_config() = sandbox_config;
    const Places::Place place = TRY(inner_->starts.take(Places::Turn::kFinishes));
    return TRY(inner_->ask<cri::CreateContainerResponse>("RuntimeService/CreateContainer", request)).container_id();
}

Status Runtime::start_container(const std::string &id) {
    cri::StartContainerRequest request;
    request.set_container_id(id);
    const Places::Place place = TRY(inner_->starts.take(Places::Turn::kFinishes));
    TRY(inner_->ask<cri::StartContainerResponse>("RuntimeService/StartContainer", request));
    return {};
}

Status Runtime::stop_container(const std::string &id, std::chrono::seconds grace) {
    cri::StopContainerRequest request;
    request.set_container_id(id);
    request.set_timeout(grace.count());
    TRY(inner_
            ->ask<cri::StopContainerResponse>("RuntimeService/StopContainer", request,
                                              {.timeout = inner_->patience + grace + kSlack})
            .within("stop container"));
    return {};
}

Status Runtime::remove_container(const std::string &id) {
    cri::RemoveContainerRequest request;
    request.set_container_id(id);
    TRY(inner_->ask<cri::RemoveContainerResponse>("RuntimeService/RemoveContainer", request)
            .within("remove container"));
    return {};
}

Status Runtime::reopen_log(const std::string &id) {
    cri::ReopenContainerLogRequest request;
    request.set_container_id(id);
    TRY(inner_->ask<cri::ReopenContainerLogResponse>("RuntimeService/ReopenContainerLog", request)
            .within("reopen the log"));
    return {};
}

Result<ExecResult> Runtime::exec(const std::string &id, const std::vector<std::string> &command,
                                 std::chrono::seconds timeout, std::stop_token stop) {
    cri::ExecSyncRequest request;
    request.set_container_id(id);
    request.mutable_cmd()->Add(command.begin(), command.end());
    request.set_timeout(timeout.count());
    const auto answer = TRY(inner_->ask<cri::ExecSyncResponse>("RuntimeService/ExecSync", request,
                                                               {.timeout = timeout + kSlack, .stop = std::move(stop)}));
    return ExecResult{.exit_code = answer.exit_code(), .output = answer.stdout() + answer.stderr()};
}

Result<ObservedContainer> Runtime::container(const std::string &id) {
    cri::ContainerStatusRequest request;
    request.set_container_id(id);
    const auto answer =
        TRY(inner_->ask<cri::ContainerStatusResponse>("RuntimeService/ContainerStatus", request).within("container"));
    return observed(answer.status(), "");
}

Result<std::vector<PodUsage>> Runtime::usage() {
    const auto answer = TRY(inner_
                                ->ask<cri::ListPodSandboxStatsResponse>("RuntimeService/ListPodSandboxStats",
                                                                        cri::ListPodSandboxStatsRequest())
                                .within("usage of pods"));
    std::vector<PodUsage> pods;
    for (const cri::PodSandboxStats &stats : answer.stats()) {
        PodUsage pod = usage_of(stats);
        if (!pod.uid.empty()) { // else somebody else's
            pods.push_back(std::move(pod));
        }
    }
    return pods;
}

Result<std::string> Runtime::exec_url(const std::string &id, const std::vector<std::string> &command,
                                      StreamChoice streams) {
    cri::ExecRequest request;
    request.mutable_cmd()->Add(command.begin(), command.end());
    return inner_->stream_url<cri::ExecResponse>("Exec", "exec", id, streams, std::move(request));
}

Result<std::string> Runtime::attach_url(const std::string &id, StreamChoice streams) {
    return inner_->stream_url<cri::AttachResponse>("Attach", "attach", id, streams, cri::AttachRequest());
}

Result<std::string> Runtime::forward_url(const std::string &sandbox, const std::vector<std::uint16_t> &ports) {
    cri::PortForwardRequest request;
    request.set_pod_sandbox_id(sandbox);
    request.mutable_port()->Add(ports.begin(), ports.end());
    return TRY(inner_->ask<cri::PortForwardResponse>("RuntimeService/PortForward", request).within("port-forward"))
        .url();
}

} // namespace ballast::agent
