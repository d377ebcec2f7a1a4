// SPDX-License-Identifier: Apache-2.0
#include <runtime/v1/api.pb.h>

#include "base/grpc/messages.h"
#include "runtime/api/cri_services.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;

Result<cri::VersionResponse> version(const Backend &backend, const cri::VersionRequest &) {
    cri::VersionResponse response;
    response.set_version("0.1.0"); // of kubelet's runtime API, since always
    response.set_runtime_name("ballast");
    response.set_runtime_version(backend.version);
    response.set_runtime_api_version("v1");
    return response;
}

void add_condition(cri::StatusResponse &response, const char *type, const char *reason, const char *message) {
    cri::RuntimeCondition &condition = *response.mutable_status()->add_conditions();
    condition.set_type(type);
    condition.set_status(false);
    condition.set_reason(reason);
    condition.set_message(message);
}

Result<cri::StatusResponse> status(const Backend &backend, const cri::StatusRequest &request) {
    cri::StatusResponse response;
    constexpr const char *kNoSandboxes = "this version serves images to Kubernetes, and no pods";
    add_condition(response, "RuntimeReady", "NoSandboxes", kNoSandboxes);
    add_condition(response, "NetworkReady", "NoSandboxes", kNoSandboxes);
    if (request.verbose()) {
        (*response.mutable_info())["dataRoot"] = backend.configuration()->data_root.string();
    }
    return response;
}

Result<cri::RuntimeConfigResponse> configuration(const Backend &, const cri::RuntimeConfigRequest &) {
    cri::RuntimeConfigResponse response;
    response.mutable_linux()->set_cgroup_driver(cri::SYSTEMD);
    return response;
}

} // namespace

grpc::Methods cri_runtime_methods(const Backend &backend) {
    const auto bound = [&backend](auto function) {
        return [&backend, function](const auto &request, grpc::Call &) { return function(backend, request); };
    };
    const std::string service = "/runtime.v1.RuntimeService/";
    return {
        {service + "Version", grpc::unary<cri::VersionRequest>(bound(version))},
        {service + "Status", grpc::unary<cri::StatusRequest>(bound(status))},
        {service + "RuntimeConfig", grpc::unary<cri::RuntimeConfigRequest>(bound(configuration))},
    };
}

grpc::Methods cri_methods(const Backend &backend) {
    grpc::Methods methods = cri_image_methods(backend);
    methods.merge(cri_runtime_methods(backend));
    return methods;
}

} // namespace ballast::api
