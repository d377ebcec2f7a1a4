// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "base/http/exchange.h"
#include "runtime/engine/engine.h"
#include "runtime/image/image_store.h"

// What the daemon tells Prometheus (text format 0.0.4), under the names that dockerd's dashboards read where it has the
// same.
namespace ballast::daemon {

struct RequestCounts {
    std::atomic<std::uint64_t> all = 0;
    std::atomic<std::uint64_t> running = 0;
};

std::string metrics_text(const engine::Counts &counts, std::size_t images, const RequestCounts &requests,
                         const std::string &version);

// The handler of the metrics' own server: GET /metrics.
void serve_metrics(http::Exchange &exchange, engine::Engine &engine, image::ImageStore &images,
                   const RequestCounts &requests, const std::string &version);

} // namespace ballast::daemon
