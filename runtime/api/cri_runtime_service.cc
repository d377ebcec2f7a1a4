// SPDX-License-Identifier: Apache-2.0
#include <runtime/v1/api.pb.h>

#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_services.h"
#include "runtime/engine/pods.h"

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

void add_condition(cri::StatusResponse &response, const char *type, const Status &status, const char *reason) {
    cri::RuntimeCondition &condition = *response.mutable_status()->add_conditions();
    condition.set_type(type);
    condition.set_status(status.has_value());
    if (!status) {
        condition.set_reason(reason);
        condition.set_message(status.error().message);
    }
}

Result<cri::StatusResponse> status(const Backend &backend, const cri::StatusRequest &request) {
    cri::StatusResponse response;
    add_condition(response, "RuntimeReady", {}, "");
    add_condition(response, "NetworkReady", backend.engine.pods().network_ready(), "NetworkPluginNotReady");
    auto &features = *response.add_runtime_handlers()->mutable_features(); // of the one whose name is empty
    features.set_recursive_read_only_mounts(true);
    features.set_user_namespaces(true);
    response.mutable_features()->set_supplemental_groups_policy(true);
    if (request.verbose()) {
        const auto configuration = backend.configuration();
        auto &info = *response.mutable_info();
        info["version"] = backend.version;
        info["dataRoot"] = configuration->data_root.string();
        info["execRoot"] = configuration->exec_root.string();
        info["networkConfiguration"] = backend.engine.pods().network_configuration();
    }
    return response;
}

Result<cri::RuntimeConfigResponse> configuration(const Backend &, const cri::RuntimeConfigRequest &) {
    cri::RuntimeConfigResponse response;
    response.mutable_linux()->set_cgroup_driver(cri::SYSTEMD);
    return response;
}

// Kubelet tells it when the node has got it.
Result<cri::UpdateRuntimeConfigResponse> update(const Backend &backend,
                                                const cri::UpdateRuntimeConfigRequest &request) {
    const std::string &ranges = request.runtime_config().network_config().pod_cidr();
    if (!ranges.empty()) {
        TRY(backend.engine.pods().set_ranges(ranges));
    }
    return cri::UpdateRuntimeConfigResponse();
}

} // namespace

grpc::Methods cri_runtime_methods(const Backend &backend) {
    const std::string service = kCriRuntime;
    return {
        {service + "Version", cri_method(backend, version)},
        {service + "Status", cri_method(backend, status)},
        {service + "UpdateRuntimeConfig", cri_method(backend, update)},
        {service + "RuntimeConfig", cri_method(backend, configuration)},
    };
}

grpc::Methods cri_methods(const Backend &backend, CriStreams &streams) {
    grpc::Methods methods = cri_image_methods(backend);
    methods.merge(cri_runtime_methods(backend));
    methods.merge(cri_sandbox_methods(backend));
    methods.merge(cri_container_methods(backend));
    methods.merge(cri_stream_methods(backend, streams));
    methods.merge(cri_event_methods(backend));
    methods.merge(cri_stats_methods(backend));
    return methods;
}

} // namespace ballast::api
