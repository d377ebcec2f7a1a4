// SPDX-License-Identifier: Apache-2.0
#include "agent/server/metrics.h"

#include "agent/server/node_rate.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

UsageInputs inputs() {
    const Usage usage{
        .time = 100 * kSecond, .cpu = 2'500'000'000, .nano_cores = 7, .memory = 9000, .working_set = 4096};
    const Json status = {
        {"startTime", "1970-01-01T00:00:01Z"},
        {"containerStatuses",
         Json::array({{{"name", "c"}, {"state", {{"running", {{"startedAt", "1970-01-01T00:00:05Z"}}}}}}})}};
    return {.node_name = "n",
            .node = {.usage = usage, .booted = 3 * kSecond, .files_capacity = 1000, .files_available = 400},
            .pods = {{.uid = "u",
                      .name = "p",
                      .name_space = "s",
                      .usage = usage,
                      .processes = 3,
                      .networks = {{.name = "eth0", .received = 5, .sent = 6}},
                      .containers = {{.name = "c", .usage = usage, .file_bytes = 11, .inodes = 2},
                                     {.name = "new", .usage = {}}}}},
            .objects = {{{"metadata", {{"uid", "u"}}}, {"status", status}}}};
}

} // namespace

TEST_CASE("what metrics-server reads is there", "[agent]") {
    const std::string page = resource_metrics(inputs());
    for (const char *line :
         {"# TYPE container_cpu_usage_seconds_total counter\n",
          "container_cpu_usage_seconds_total{container=\"c\",namespace=\"s\",pod=\"p\"} 2.5 100000\n",
          "container_memory_working_set_bytes{container=\"c\",namespace=\"s\",pod=\"p\"} 4096 100000\n",
          "container_start_time_seconds{container=\"c\",namespace=\"s\",pod=\"p\"} 5\n",
          "node_cpu_usage_seconds_total 2.5 100000\n", "node_memory_working_set_bytes 4096 100000\n",
          "pod_cpu_usage_seconds_total{namespace=\"s\",pod=\"p\"} 2.5 100000\n", "\nscrape_error 0\n"}) {
        CAPTURE(line);
        CHECK(page.contains(line));
    }
    CHECK_FALSE(page.contains("container=\"new\"")); // nothing is known of it
    UsageInputs without = inputs();
    without.incomplete = true;
    CHECK(resource_metrics(without).contains("\nresource_scrape_error 1\n"));
}

TEST_CASE("the agent tells of itself", "[agent]") {
    Json pod = inputs().objects.front();
    pod["status"]["phase"] = "Running";
    const std::string page = own_metrics("n", {pod, Json::object()});
    CHECK(page.contains("kubelet_node_name{node=\"n\"} 1\n"));
    CHECK(page.contains("\nkubelet_running_pods 1\n"));
    CHECK(page.contains("\nkubelet_running_containers{container_state=\"running\"} 1\n"));
    CHECK(page.contains("\nprocess_resident_memory_bytes "));
    CHECK_FALSE(page.contains("\nprocess_resident_memory_bytes 0\n"));
}

TEST_CASE("the summary tells of the node and its pods", "[agent]") {
    const Json summary = stats_summary(inputs(), false);
    CHECK(json_text(summary, {"node", "nodeName"}) == "n");
    CHECK(json_at(summary, {"node", "cpu", "usageNanoCores"}) == 7);
    CHECK(json_at(summary, {"node", "fs", "usedBytes"}) == 600);
    const Json &pod = summary["pods"][0];
    CHECK(pod["podRef"] == Json{{"name", "p"}, {"namespace", "s"}, {"uid", "u"}});
    CHECK(pod["startTime"] == "1970-01-01T00:00:01Z");
    CHECK(pod["network"]["interfaces"][0]["rxBytes"] == 5);
    CHECK(pod["process_stats"]["process_count"] == 3);
    CHECK(pod["containers"][0]["startTime"] == "1970-01-01T00:00:05Z");
    CHECK(pod["containers"][0]["memory"]["workingSetBytes"] == 4096);
    CHECK(pod["containers"][0]["rootfs"]["usedBytes"] == 11);
    CHECK_FALSE(pod["containers"][1]["cpu"].contains("usageNanoCores"));

    const Json little = stats_summary(inputs(), true);
    CHECK_FALSE(little["node"].contains("fs"));
    CHECK_FALSE(little["pods"][0].contains("network"));
    CHECK(little["pods"][0]["cpu"]["usageCoreNanoSeconds"] == 2'500'000'000);
}

TEST_CASE("a rate is counted over a second at least", "[agent]") {
    const auto at = [](std::int64_t time, std::uint64_t cpu) { return Usage{.time = time, .cpu = cpu}; };
    NodeRate rate(at(10 * kSecond, 1000));
    CHECK_FALSE(rate.rate(at(10 * kSecond + 1, 5000)).has_value());
    CHECK(rate.rate(at(12 * kSecond, 5000)) == 2000);
    CHECK(rate.rate(at(12 * kSecond + 5, 9999)) == 2000);
    CHECK(rate.rate(at(13 * kSecond, 8000)) == 3000);
    CHECK(rate.rate(at(5 * kSecond, 8000)) == 3000); // the clock was set
    CHECK(rate.rate(at(6 * kSecond, 8500)) == 500);
}
