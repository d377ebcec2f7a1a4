// SPDX-License-Identifier: Apache-2.0
#include "agent/server/metrics.h"
#include "agent/server/request.h"
#include "base/log.h"
#include "base/metrics_page.h"

namespace ballast::agent {
namespace {

UsageInputs usage_now(const ServerWorld &world) {
    UsageInputs inputs{.node_name = world.node_name, .node = world.node_usage()};
    if (Result<std::vector<PodUsage>> pods = world.runtime.usage(); pods.has_value()) {
        inputs.pods = std::move(*pods);
    } else {
        log::debug("usage of pods: " + pods.error().message);
        inputs.incomplete = true;
    }
    if (Result<std::vector<Json>> objects = world.pods.pods(); objects.has_value()) {
        inputs.objects = std::move(*objects);
    }
    return inputs;
}

} // namespace

Status serve_metrics(http::Exchange &exchange, const ServerWorld &world) {
    return exchange.answer(200, {{"Content-Type", MetricsPage::kType}},
                           own_metrics(world.node_name, TRY(world.pods.pods())));
}

Status serve_resource_metrics(http::Exchange &exchange, const ServerWorld &world) {
    return exchange.answer(200, {{"Content-Type", MetricsPage::kType}}, resource_metrics(usage_now(world)));
}

Status serve_summary(http::Exchange &exchange, const ServerWorld &world) {
    const UsageInputs inputs = usage_now(world);
    if (inputs.incomplete) {
        return fail(EAGAIN, "the container runtime does not say what pods use; try again later");
    }
    const std::string_view only = exchange.request().query.get("only_cpu_and_memory");
    return exchange.answer(200, {{"Content-Type", "application/json"}},
                           json_body(stats_summary(inputs, only == "true" || only == "1")));
}

} // namespace ballast::agent
