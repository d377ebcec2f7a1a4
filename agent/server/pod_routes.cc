// SPDX-License-Identifier: Apache-2.0
#include "agent/server/request.h"

namespace ballast::agent {

Status serve_pods(http::Exchange &exchange, const ServerWorld &world) {
    Json items = Json::array();
    for (Json &pod : TRY(world.pods.pods())) {
        items.push_back(std::move(pod));
    }
    const Json list = {
        {"kind", "PodList"}, {"apiVersion", "v1"}, {"metadata", Json::object()}, {"items", std::move(items)}};
    return exchange.answer(200, {{"Content-Type", "application/json"}}, json_body(list));
}

} // namespace ballast::agent
