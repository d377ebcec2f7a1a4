// SPDX-License-Identifier: Apache-2.0
#include "runtime/daemon/metrics.h"

#include <sys/sysinfo.h>
#include <thread>

#include "base/metrics_page.h"

namespace ballast::daemon {

std::string metrics_text(const engine::Counts &counts, std::size_t images, const RequestCounts &requests,
                         const std::string &version) {
    MetricsPage page;
    page.metric("engine_daemon_engine_info", "gauge", "The engine; always 1", 1);
    page.metric("engine_daemon_engine_cpus_cpus", "gauge", "Processors of the machine",
                std::thread::hardware_concurrency());
    struct sysinfo memory{};
    (void)sysinfo(&memory); // cannot fail with a good address
    page.metric("engine_daemon_engine_memory_bytes", "gauge", "Memory of the machine",
                static_cast<double>(memory.totalram) * memory.mem_unit);
    page.describe("engine_daemon_container_states_containers", "gauge", "Containers in each state");
    page.value("state=\"running\"", counts.running);
    page.value("state=\"paused\"", counts.paused);
    page.value("state=\"stopped\"", counts.stopped);
    page.metric("ballast_images", "gauge", "Images in the store", static_cast<double>(images));
    page.metric("ballast_api_requests_total", "counter", "Requests to the API since the engine started",
                static_cast<double>(requests.all.load()));
    page.metric("ballast_api_requests_running", "gauge", "Requests to the API that are not answered yet",
                static_cast<double>(requests.running.load()));
    page.describe("ballast_build_info", "gauge", "The engine's version");
    page.value("version=\"" + version + "\"", 1);
    page.add_process("the engine");
    return page.take();
}

void serve_metrics(http::Exchange &exchange, engine::Engine &engine, image::ImageStore &images,
                   const RequestCounts &requests, const std::string &version) {
    const http::Request &request = exchange.request();
    const http::Headers plain{{"Content-Type", MetricsPage::kType}};
    Status answered;
    if (request.path != "/metrics") {
        answered = exchange.answer(404, plain, "metrics are at /metrics\n");
    } else if (request.method != "GET" && request.method != "HEAD") {
        answered = exchange.answer(405, {{"Allow", "GET, HEAD"}}, "");
    } else {
        answered = exchange.answer(200, plain, metrics_text(engine.counts(), images.list().size(), requests, version));
    }
    (void)answered; // the client hung up
}

} // namespace ballast::daemon
