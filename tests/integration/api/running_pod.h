// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/integration/api/pod_fixture.h"

namespace ballast::api_tests {

// A pod "web" that runs, and what kubelet does with containers in it. Methods without try_ must succeed.
class RunningPod : public PodFixture {
  public:
    RunningPod();

    // Of a container whose program is "inside WORDS...".
    static ::runtime::v1::ContainerConfig config(const std::string &name, const std::vector<std::string> &words);
    grpc::TypedReply<::runtime::v1::CreateContainerResponse> try_create(const ::runtime::v1::ContainerConfig &config);
    std::string create(const ::runtime::v1::ContainerConfig &config);
    grpc::Outcome try_start(const std::string &container);
    std::string start(const ::runtime::v1::ContainerConfig &config); // creates it as well
    void stop_container(const std::string &container, std::int64_t timeout);
    void remove_container(const std::string &container);
    ::runtime::v1::ContainerStatus container_status(const std::string &container);
    nlohmann::json info_of(const std::string &container); // as `crictl inspect` shows it
    ::runtime::v1::ContainerStatus ended(const std::string &container);
    std::size_t count(const std::function<void(::runtime::v1::ContainerFilter &)> &fill);
    grpc::TypedReply<::runtime::v1::ExecSyncResponse>
    exec(const std::string &container, const std::vector<std::string> &words, std::int64_t timeout = 0);
    std::string said(const std::string &container, const std::vector<std::string> &words);

    ::runtime::v1::PodSandboxConfig pod = sandbox("web");
    std::string id; // of the sandbox
};

} // namespace ballast::api_tests
