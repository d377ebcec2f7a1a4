// SPDX-License-Identifier: Apache-2.0
// What the checks read: the configuration, and what other programs print.
#include <nlohmann/json.hpp>

#include "tests/unit/check.h"
#include "updater/health/baseline.h"
#include "updater/health/health_config.h"
#include "updater/health/network_facts.h"
#include "updater/health/system_units.h"
#include "updater/health/workloads.h"

namespace ballast::updater::health {

using namespace std::chrono_literals;

TEST_CASE("without a configuration of health checks all built-in ones but the source are required", "[health]") {
    const HealthConfig config = must(load_health_config("/nowhere/health.json"));
    for (const std::string_view check : kBuiltIn) {
        CHECK(config.weight(check) == (check == "source" ? Weight::kWanted : Weight::kRequired));
    }
}

TEST_CASE("every key of the health configuration is read", "[health]") {
    const HealthConfig config = must(parse_health_config(R"({"checks": {"source": "required", "clock": "off"},
        "ignore-units": ["x*"], "script-seconds": 5, "wait-seconds": 6, "settle-seconds": 7, "workload-seconds": 8})",
                                                         "f"));
    CHECK(config.weight("source") == Weight::kRequired);
    CHECK(config.weight("clock") == Weight::kOff);
    CHECK(config.ignored_units == std::vector<std::string>{"x*"});
    CHECK(config.script_time == 5s);
    CHECK(config.wait_time == 6s);
    CHECK(config.settle_time == 7s);
    CHECK(config.workload_time == 8s);
}

TEST_CASE("mistakes in the health configuration are named with their place", "[health]") {
    const auto message = [](const std::string &text) { return error_of(parse_health_config(text, "f")).message; };
    CHECK(message(R"({"chekcs": {}})").starts_with("f:1:"));
    CHECK(message(R"({"checks": {"disk": "off"}})").contains("there is no check \"disk\""));
    CHECK(message(R"({"checks": {"clock": "maybe"}})").contains("not \"maybe\""));
    CHECK(message(R"({"script-seconds": 0})").contains("script-seconds"));
}

TEST_CASE("the schema of the health configuration knows the same keys", "[health]") {
    const nlohmann::json schema = nlohmann::json::parse(must(read_file("configs/health.schema.json")));
    std::vector<std::string> keys;
    for (const auto &[key, value] : schema.at("properties").items()) {
        keys.push_back(key);
    }
    const std::vector<std::string_view> known = health_config_keys();
    CHECK(keys == std::vector<std::string>(known.begin(), known.end()));
}

TEST_CASE("units are read from systemctl's list, and how often they were restarted from what it shows", "[health]") {
    std::vector<Unit> units = must(parse_units(
        R"([{"unit":"a.service","load":"loaded","active":"active","sub":"running","description":"A \"b\""},
            {"unit":"b.mount","load":"loaded","active":"failed","sub":"failed","description":"/b"},
            {"unit":"c.service","load":"loaded","active":"activating","sub":"auto-restart","description":"C"}])"));
    take_details(units,
                 "NRestarts=3\nId=a.service\nFragmentPath=/etc/systemd/system/a.service\n"
                 "UnitFileState=enabled\n\nId=c.service\nNRestarts=7\nFragmentPath=/etc/systemd/system/c.service\n"
                 "UnitFileState=static\n\nNRestarts=[not set]\nId=gone.service\n");
    CHECK(units ==
          std::vector<Unit>{
              {.name = "a.service", .state = "active", .sub_state = "running", .restarts = 3, .operators = true},
              {.name = "b.mount", .state = "failed", .sub_state = "failed"},
              {.name = "c.service", .state = "activating", .sub_state = "auto-restart", .restarts = 7}});
    CHECK(must(parse_units("[]")).empty());
    CHECK(!parse_units(R"([{"unit":"a.service"}])").has_value());
}

TEST_CASE("a service that has done its work is known from one that was stopped or fails", "[health]") {
    CHECK(tells_of_finished("Restart=no\nExecMainCode=1\nExecMainStatus=0\nResult=success\n"));
    CHECK(tells_of_finished("Restart=on-failure\nExecMainCode=1\nExecMainStatus=0\nResult=success\n"));
    CHECK(!tells_of_finished("Restart=always\nExecMainCode=1\nExecMainStatus=0\nResult=success\n"));
    CHECK(!tells_of_finished("Restart=on-success\nExecMainCode=1\nExecMainStatus=0\nResult=success\n"));
    CHECK(!tells_of_finished("Restart=no\nExecMainCode=2\nExecMainStatus=15\nResult=success\n")); // SIGTERM
    CHECK(!tells_of_finished("Restart=no\nExecMainCode=1\nExecMainStatus=3\nResult=exit-code\n"));
    CHECK(!tells_of_finished("Restart=no\nExecMainCode=0\nExecMainStatus=0\nResult=success\n")); // it never ran
}

TEST_CASE("default routes are read from the kernel's tables", "[health]") {
    CHECK(ipv4_default_routes("Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
                              "eth0\t00000000\t0202000A\t0003\t0\t0\t1024\t00000000\t0\t0\t0\n"
                              "eth1\t0002000A\t00000000\t0001\t0\t0\t1024\t00FFFFFF\t0\t0\t0\n"
                              "half\t00000000\t00000000\t0001\t0\t0\t1024\t00000080\t0\t0\t0\n") ==
          std::vector<std::string>{"eth0"});
    const std::string zeros(32, '0');
    CHECK(ipv6_default_routes(
              zeros + " 00 " + zeros + " 00 fe800000000000000000000000000002 00000400 1 0 00450003 eth0\n" + zeros +
              " 00 " + zeros + " 00 " + zeros + " ffffffff 1 0 00200200 lo\n" + "fe80" + zeros.substr(4) + " 40 " +
              zeros + " 00 " + zeros + " 00000100 1 0 00000001 eth1\n") == std::vector<std::string>{"eth0"});
}

TEST_CASE("what the machine was like reads as it was written", "[health]") {
    const TemporaryDirectory directory = scratch();
    CHECK(!load_baseline(directory.path()).has_value());
    const Baseline baseline{.time = 5,
                            .deployment = "x",
                            .failing_units = {{"a.service"}},
                            .interfaces = {{{.name = "eth0", .ipv4 = true, .ipv6_default = true}}},
                            .workloads = {{{.id = "1", .name = "web", .healthy = true, .patience = 9s}}},
                            .other_containers = {"once"}};
    must(keep_baseline(directory.path(), baseline));
    CHECK(load_baseline(directory.path()) == baseline);
    must(keep_baseline(directory.path(), Baseline{.time = 6}));
    CHECK(load_baseline(directory.path()) == Baseline{.time = 6});
    must(write_file(directory.path() / "baseline.json", "{\"time\": \"soon\"}"));
    CHECK(!load_baseline(directory.path()).has_value());
}

TEST_CASE("a container's log is taken out of the engine's frames", "[health]") {
    CHECK(parse_log(std::string("\1\0\0\0\0\0\0\4one\n\2\0\0\0\0\0\0\3two", 23)) ==
          std::vector<std::string>{"one", "two"});
    CHECK(parse_log("plain\r\ntext\r\n") == std::vector<std::string>{"plain", "text"});
    CHECK(parse_log(std::string("\1\0\0\0\xff\xff\xff\xff"
                                "cut",
                                11)) == std::vector<std::string>{"cut"});
    CHECK(parse_log("").empty());
}

TEST_CASE("a container whose answer makes no sense is an error, not a healthy one", "[health]") {
    CHECK(!parse_container("{}").has_value());
    CHECK(!parse_container("not json").has_value());
    CHECK(!parse_container_list("[{}]").has_value());
}

} // namespace ballast::updater::health
