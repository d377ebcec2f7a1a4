// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/create_body.h"

#include "runtime/engine/model_json.h"

namespace ballast::api {

engine::CreateRequest read_create_request(const JsonCursor &body) {
    engine::CreateRequest request;
    engine::read_config(body, request.config);
    engine::read_host_config(body.at("HostConfig"), request.host);
    engine::read_networking(body.at("NetworkingConfig").at("EndpointsConfig"), request.networking);
    return request;
}

} // namespace ballast::api
