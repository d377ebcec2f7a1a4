// SPDX-License-Identifier: Apache-2.0
#include "runtime/daemon/metrics.h"

#include <filesystem>
#include <format>
#include <sys/resource.h>
#include <sys/sysinfo.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::daemon {
namespace {

class Page {
  public:
    void describe(std::string_view name, std::string_view type, std::string_view help) {
        text_ += std::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
    }
    void value(std::string_view name, double number) { text_ += std::format("{} {}\n", name, number); }
    void metric(std::string_view name, std::string_view type, std::string_view help, double number) {
        describe(name, type, help);
        value(name, number);
    }
    std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

double resident_bytes() {
    // "SIZE RESIDENT …", in pages.
    const std::string text = read_file("/proc/self/statm").value_or("");
    const std::size_t space = text.find(' ');
    if (space == std::string::npos) {
        return 0;
    }
    return std::strtod(text.c_str() + space, nullptr) * static_cast<double>(sysconf(_SC_PAGESIZE));
}

double open_descriptors() {
    std::error_code error;
    const std::filesystem::directory_iterator all("/proc/self/fd", error);
    return static_cast<double>(std::distance(all, std::filesystem::directory_iterator()));
}

double processor_seconds() {
    rusage usage{};
    (void)getrusage(RUSAGE_SELF, &usage); // cannot fail with a good address
    const auto seconds = [](const timeval &time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

} // namespace

std::string metrics_text(const engine::Counts &counts, std::size_t images, const RequestCounts &requests,
                         const std::string &version) {
    Page page;
    page.metric(std::format("engine_daemon_engine_info"), "gauge", "The engine; always 1", 1);
    page.metric("engine_daemon_engine_cpus_cpus", "gauge", "Processors of the machine",
                std::thread::hardware_concurrency());
    struct sysinfo memory{};
    (void)sysinfo(&memory); // cannot fail with a good address
    page.metric("engine_daemon_engine_memory_bytes", "gauge", "Memory of the machine",
                static_cast<double>(memory.totalram) * memory.mem_unit);
    page.describe("engine_daemon_container_states_containers", "gauge", "Containers in each state");
    page.value("engine_daemon_container_states_containers{state=\"running\"}", counts.running);
    page.value("engine_daemon_container_states_containers{state=\"paused\"}", counts.paused);
    page.value("engine_daemon_container_states_containers{state=\"stopped\"}", counts.stopped);
    page.metric("ballast_images", "gauge", "Images in the store", static_cast<double>(images));
    page.metric("ballast_api_requests_total", "counter", "Requests to the API since the engine started",
                static_cast<double>(requests.all.load()));
    page.metric("ballast_api_requests_running", "gauge", "Requests to the API that are not answered yet",
                static_cast<double>(requests.running.load()));
    page.describe("ballast_build_info", "gauge", "The engine's version");
    page.value(std::format("ballast_build_info{{version=\"{}\"}}", version), 1);
    page.metric("process_cpu_seconds_total", "counter", "Processor time of the engine", processor_seconds());
    page.metric("process_resident_memory_bytes", "gauge", "Memory of the engine", resident_bytes());
    page.metric("process_open_fds", "gauge", "Open descriptors of the engine", open_descriptors());
    return page.take();
}

void serve_metrics(http::Exchange &exchange, engine::Engine &engine, image::ImageStore &images,
                   const RequestCounts &requests, const std::string &version) {
    const http::Request &request = exchange.request();
    const http::Headers plain{{"Content-Type", "text/plain; version=0.0.4; charset=utf-8"}};
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
