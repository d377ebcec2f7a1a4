// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/api/running_pod.h"

namespace ballast::api_tests {
namespace {

namespace cri = ::runtime::v1;

} // namespace

RunningPod::RunningPod() {
    pod.set_log_directory(path("logs").string());
    pod.mutable_dns_config()->add_servers("10.0.0.10");
    id = run_pod(pod);
}

cri::ContainerConfig RunningPod::config(const std::string &name, const std::vector<std::string> &words) {
    cri::ContainerConfig config;
    config.mutable_metadata()->set_name(name);
    config.mutable_image()->set_image("inside");
    config.set_log_path(name + "/0.log");
    config.mutable_args()->Add(words.begin(), words.end());
    return config;
}

grpc::TypedReply<cri::CreateContainerResponse> RunningPod::try_create(const cri::ContainerConfig &config) {
    cri::CreateContainerRequest request;
    request.set_pod_sandbox_id(id);
    *request.mutable_config() = config;
    *request.mutable_sandbox_config() = pod;
    return kubelet.ask<cri::CreateContainerResponse>("RuntimeService/CreateContainer", request);
}

std::string RunningPod::create(const cri::ContainerConfig &config) {
    const auto reply = try_create(config);
    INFO(reply.outcome.message);
    REQUIRE(reply.outcome.ok());
    return reply.response.container_id();
}

grpc::Outcome RunningPod::try_start(const std::string &container) {
    cri::StartContainerRequest request;
    request.set_container_id(container);
    return kubelet.ask<cri::StartContainerResponse>("RuntimeService/StartContainer", request).outcome;
}

std::string RunningPod::start(const cri::ContainerConfig &config) {
    std::string container = create(config);
    const grpc::Outcome outcome = try_start(container);
    INFO(outcome.message << "\n" << log());
    REQUIRE(outcome.ok());
    return container;
}

void RunningPod::stop_container(const std::string &container, std::int64_t timeout) {
    cri::StopContainerRequest request;
    request.set_container_id(container);
    request.set_timeout(timeout);
    (void)kubelet.answer<cri::StopContainerResponse>("RuntimeService/StopContainer", request);
}

void RunningPod::remove_container(const std::string &container) {
    cri::RemoveContainerRequest request;
    request.set_container_id(container);
    (void)kubelet.answer<cri::RemoveContainerResponse>("RuntimeService/RemoveContainer", request);
}

cri::ContainerStatus RunningPod::container_status(const std::string &container) {
    cri::ContainerStatusRequest request;
    request.set_container_id(container);
    return kubelet.answer<cri::ContainerStatusResponse>("RuntimeService/ContainerStatus", request).status();
}

nlohmann::json RunningPod::info_of(const std::string &container) {
    cri::ContainerStatusRequest request;
    request.set_container_id(container);
    request.set_verbose(true);
    return nlohmann::json::parse(
        kubelet.answer<cri::ContainerStatusResponse>("RuntimeService/ContainerStatus", request).info().at("info"));
}

cri::ContainerStatus RunningPod::ended(const std::string &container) {
    REQUIRE(eventually([&] { return container_status(container).state() == cri::CONTAINER_EXITED; }));
    return container_status(container);
}

std::size_t RunningPod::count(const std::function<void(cri::ContainerFilter &)> &fill) {
    cri::ListContainersRequest request;
    fill(*request.mutable_filter());
    return static_cast<std::size_t>(
        kubelet.answer<cri::ListContainersResponse>("RuntimeService/ListContainers", request).containers_size());
}

grpc::TypedReply<cri::ExecSyncResponse> RunningPod::exec(const std::string &container,
                                                         const std::vector<std::string> &words, std::int64_t timeout) {
    cri::ExecSyncRequest request;
    request.set_container_id(container);
    request.mutable_cmd()->Add(words.begin(), words.end());
    request.set_timeout(timeout);
    return kubelet.ask<cri::ExecSyncResponse>("RuntimeService/ExecSync", request);
}

std::string RunningPod::said(const std::string &container, const std::vector<std::string> &words) {
    auto reply = exec(container, words);
    INFO(reply.outcome.message);
    REQUIRE(reply.outcome.ok());
    return reply.response.stdout();
}

} // namespace ballast::api_tests
