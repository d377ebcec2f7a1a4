// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_stats_view.h"

#include <algorithm>
#include <map>
#include <set>

#include "runtime/api/cri_metrics_view.h"
#include "tests/unit/check.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using namespace std::chrono_literals;

constexpr std::uint64_t kNoLimit = ~std::uint64_t{0};

engine::Usage usage() {
    engine::Usage usage{.read = engine::Time(5s), .nano_cores = 7};
    usage.numbers.cpu.total = 3'000'000'001;
    usage.numbers.cpu.pressure = isolate::parse_pressure("some avg10=1.50 avg60=0.00 avg300=0.00 total=2000003\n"
                                                         "full avg10=0.00 avg60=0.25 avg300=0.00 total=1\n");
    usage.numbers.memory.memory = {.limit = 1000, .usage = 300, .max = 400};
    usage.numbers.memory.swap = {.limit = 50, .usage = 20};
    usage.numbers.memory.raw = {{"anon", 80}, {"inactive_file", 100}, {"pgfault", 9}, {"pgmajfault", 2}};
    usage.numbers.pids = 4;
    usage.numbers.io.bytes = {{.major = 8, .minor = 1, .value = 512, .operation = "Read"}};
    return usage;
}

engine::ContainerUsage container() {
    engine::ContainerUsage made;
    made.container.id = "c1";
    made.container.name = "k8s_app_web_default_11_0";
    made.container.config.image = "busybox";
    made.container.pod.name = "app";
    made.container.pod.attempt = 2;
    made.container.pod.labels = {{"app", "web"}};
    made.container.state.started_at = engine::Time(60s);
    made.container.host.memory = 1000;
    made.usage = usage();
    made.writable = {.read = engine::Time(4s), .bytes = 8192, .inodes = 3};
    return made;
}

engine::PodUsage pod() {
    engine::PodUsage made;
    made.read = engine::Time(6s);
    made.sandbox.id = "p1";
    made.sandbox.pod.name = "web";
    made.sandbox.pod.name_space = "default";
    made.sandbox.pod.network = true;
    made.usage = usage();
    made.networks = {{"eth0", {.rx_bytes = 1, .tx_bytes = 2}}, {"net1", {.rx_errors = 3}}};
    made.containers = {container()};
    return made;
}

} // namespace

TEST_CASE("a container's use is told as kubelet reads it", "[cri]") {
    const cri::ContainerStats stats = cri_container_stats(container(), "/var/lib/ballast");
    CHECK(stats.attributes().id() == "c1");
    CHECK(stats.attributes().metadata().name() == "app");
    CHECK(stats.attributes().metadata().attempt() == 2);
    CHECK(stats.attributes().labels().at("app") == "web");
    CHECK(stats.cpu().timestamp() == 5'000'000'000);
    CHECK(stats.cpu().usage_core_nano_seconds().value() == 3'000'000'001);
    CHECK(stats.cpu().usage_nano_cores().value() == 7);
    CHECK(stats.cpu().psi().some().total() == 2'000'003'000);
    CHECK(stats.cpu().psi().some().avg10() == 1.5);
    CHECK(stats.cpu().psi().full().avg60() == 0.25);
    CHECK(stats.memory().working_set_bytes().value() == 200);
    CHECK(stats.memory().available_bytes().value() == 800);
    CHECK(stats.memory().usage_bytes().value() == 300);
    CHECK(stats.memory().rss_bytes().value() == 80);
    CHECK(stats.memory().page_faults().value() == 9);
    CHECK(stats.memory().major_page_faults().value() == 2);
    CHECK_FALSE(stats.memory().has_psi()); // the kernel did not tell
    CHECK(stats.swap().swap_usage_bytes().value() == 20);
    CHECK(stats.swap().swap_available_bytes().value() == 30);
    CHECK(stats.writable_layer().used_bytes().value() == 8192);
    CHECK(stats.writable_layer().inodes_used().value() == 3);
    CHECK(stats.writable_layer().fs_id().mountpoint() == "/var/lib/ballast");
}

TEST_CASE("what has no limit has nothing available, and what does not run uses its layer only", "[cri]") {
    engine::ContainerUsage unlimited = container();
    unlimited.usage->numbers.memory.memory.limit = unlimited.usage->numbers.memory.swap.limit = kNoLimit;
    const cri::ContainerStats stats = cri_container_stats(unlimited, "/");
    CHECK_FALSE(stats.memory().has_available_bytes());
    CHECK_FALSE(stats.swap().has_swap_available_bytes());

    engine::ContainerUsage ended = container();
    ended.usage.reset();
    const cri::ContainerStats rest = cri_container_stats(ended, "/");
    CHECK_FALSE(rest.has_cpu());
    CHECK_FALSE(rest.has_memory());
    CHECK(rest.writable_layer().used_bytes().value() == 8192);
}

TEST_CASE("a pod's use has its network by interface, its processes and its containers", "[cri]") {
    const cri::PodSandboxStats stats = cri_pod_stats(pod(), "/");
    CHECK(stats.attributes().metadata().namespace_() == "default");
    CHECK(stats.linux().process().process_count().value() == 4);
    CHECK(stats.linux().network().timestamp() == 6'000'000'000);
    CHECK(stats.linux().network().default_interface().name() == "eth0");
    CHECK(stats.linux().network().default_interface().tx_bytes().value() == 2);
    REQUIRE(stats.linux().network().interfaces_size() == 1);
    CHECK(stats.linux().network().interfaces(0).rx_errors().value() == 3);
    CHECK(stats.linux().containers_size() == 1);
    engine::PodUsage of_the_host = pod();
    of_the_host.sandbox.pod.network = false;
    CHECK_FALSE(cri_pod_stats(of_the_host, "/").linux().has_network());
}

TEST_CASE("every metric was described, and has a value for each label", "[cri]") {
    std::map<std::string, int> described;
    const cri::ListMetricDescriptorsResponse descriptors = cri_metric_descriptors();
    for (const cri::MetricDescriptor &descriptor : descriptors.descriptors()) {
        CHECK(described.emplace(descriptor.name(), descriptor.label_keys_size()).second);
        CHECK_FALSE(descriptor.help().empty());
    }
    const cri::PodSandboxMetrics metrics = cri_pod_metrics(pod());
    std::set<std::string> told;
    const auto check = [&](const auto &list) {
        for (const cri::Metric &metric : list) {
            CAPTURE(metric.name());
            REQUIRE(described.contains(metric.name()));
            CHECK(metric.label_values_size() == described[metric.name()]);
            told.insert(metric.name());
        }
    };
    check(metrics.metrics());
    REQUIRE(metrics.container_metrics_size() == 1);
    check(metrics.container_metrics(0).metrics());
    CHECK(metrics.pod_sandbox_id() == "p1");
    for (const char *name : {"container_cpu_usage_seconds_total", "container_memory_working_set_bytes",
                             "container_network_receive_bytes_total", "container_memory_failures_total",
                             "container_blkio_device_usage_total", "container_start_time_seconds",
                             "container_spec_memory_limit_bytes", "container_pressure_cpu_waiting_seconds_total"}) {
        CAPTURE(name);
        CHECK(told.contains(name));
    }
    CHECK_FALSE(told.contains("container_spec_cpu_quota"));                        // it has none
    CHECK_FALSE(told.contains("container_pressure_memory_waiting_seconds_total")); // the kernel did not tell
    const auto &first = metrics.container_metrics(0).metrics(0);
    CHECK(first.value().value() == 3);
    CHECK(std::vector<std::string>(first.label_values().begin(), first.label_values().end()) ==
          std::vector<std::string>{"app", "c1", "busybox", "k8s_app_web_default_11_0", "default", "web"});
}

} // namespace ballast::api
