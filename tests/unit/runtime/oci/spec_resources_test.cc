// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/oci/config.h"

using namespace ballast;
using namespace ballast::oci;

namespace {

std::string refused(const std::string &property, const std::string &value) {
    Result<Resources> result = parse_resources("{\"" + property + "\": " + value + "}", "r");
    return result.has_value() ? "" : result.error().message.substr(3);
}

Resources resources(const std::string &property, const std::string &value) {
    return must(parse_resources("{\"" + property + "\": " + value + "}", "r"));
}

} // namespace

TEST_CASE("device rules have a type, numbers and letters", "[spec]") {
    DeviceRule rule = resources("devices", R"([{"allow": true, "type": "c", "major": 1, "minor": -1}])").devices[0];
    REQUIRE(rule.allow);
    REQUIRE(rule.major == 1);
    REQUIRE_FALSE(rule.minor.has_value());
    REQUIRE(rule.access == "rwm");
    REQUIRE(resources("devices", R"([{"allow": false, "access": "w"}])").devices[0].type == 'a');
    REQUIRE(refused("devices", "[{}]") == "devices[0].allow: missing");
    REQUIRE(refused("devices", R"([{"allow": true, "type": "p"}])") ==
            "devices[0].type: want one of a, c, b, have \"p\"");
    REQUIRE(refused("devices", R"([{"allow": true, "access": "rx"}])") ==
            "devices[0].access: want letters of \"rwm\", have \"rx\"");
    REQUIRE(refused("devices", R"([{"allow": true, "major": -2}])").starts_with("devices[0].major: want"));
}

TEST_CASE("memory limits are bytes, or -1", "[spec]") {
    MemoryResources memory = *resources("memory", R"({"limit": -1, "swap": 0, "swappiness": 100})").memory;
    REQUIRE(memory.limit == -1);
    REQUIRE(memory.swap == 0);
    REQUIRE(memory.swappiness == 100);
    REQUIRE_FALSE(memory.reservation.has_value());
    REQUIRE(refused("memory", R"({"limit": "12"})") == "memory.limit: want a whole number, have \"12\"");
    REQUIRE(refused("memory", R"({"limit": -2})").starts_with("memory.limit: want a whole number from -1"));
    REQUIRE(refused("memory", R"({"limit": 1e9})") == "memory.limit: want a whole number, have 1e9");
    REQUIRE(refused("memory", R"({"limit": 10, "swap": 9})").starts_with("memory.swap: want memory and swap together"));
    REQUIRE(refused("memory", R"({"swappiness": 101})") ==
            "memory.swappiness: want a whole number from 0 to 100, have 101");
    REQUIRE_FALSE(resources("memory", R"({"swappiness": 18446744073709551615})").memory->swappiness.has_value());
}

TEST_CASE("processors are limited by time, weight and place", "[spec]") {
    CpuResources cpu = *resources("cpu", R"({"shares": 2, "quota": -1, "cpus": "0-1", "mems": "", "idle": 1})").cpu;
    REQUIRE(cpu.quota == -1);
    REQUIRE(cpu.cpus == "0-1");
    REQUIRE(refused("cpu", R"({"cpus": "1-0"})").starts_with("cpu.cpus: want a list as"));
    REQUIRE(refused("cpu", R"({"mems": "4096"})").starts_with("cpu.mems: want a list as"));
    REQUIRE(refused("cpu", R"({"idle": 2})").starts_with("cpu.idle: want a whole number from 0 to 1"));
    REQUIRE(refused("cpu", R"({"quota": 5, "burst": 6})") == "cpu.burst: want at most the quota, 5, have 6");
    REQUIRE(refused("cpu", R"({"period": -1})").starts_with("cpu.period: want a whole number from 0"));
}

TEST_CASE("block devices are weighed and throttled", "[spec]") {
    BlockIoResources io = *resources("blockIO", R"({"weight": 10, "leafWeight": 0,
        "weightDevice": [{"major": 8, "minor": 0, "weight": 500}],
        "throttleWriteIOPSDevice": [{"major": 8, "minor": 16, "rate": 300}]})")
                               .block_io;
    REQUIRE(io.weight == 10);
    REQUIRE_FALSE(io.leaf_weight.has_value());
    REQUIRE(io.weight_devices[0].value == 500);
    REQUIRE(io.throttle_write_iops[0].minor == 16);
    REQUIRE(refused("blockIO", R"({"weight": 9})") ==
            "blockIO.weight: want 0 or a whole number from 10 to 1000, have 9");
    REQUIRE(refused("blockIO", R"({"weight": 1001})").starts_with("blockIO.weight: want"));
    REQUIRE(refused("blockIO", R"({"weightDevice": [{"major": 8, "minor": 0}]})") ==
            "blockIO.weightDevice[0]: want weight or leafWeight, have neither");
    REQUIRE(refused("blockIO", R"({"throttleReadBpsDevice": [{"major": 8, "minor": 0}]})") ==
            "blockIO.throttleReadBpsDevice[0].rate: missing");
    std::vector<std::string> warnings;
    must(parse_resources(R"({"blockIO": {"weightDevice": [{"major": 8, "minor": 0, "leafWeight": 10}]}})", "r",
                         &warnings));
    REQUIRE(warnings == std::vector<std::string>{"blockIO.weightDevice[0].leafWeight: cgroup v2 has none, ignoring"});
}

TEST_CASE("huge pages have sizes that name a file", "[spec]") {
    REQUIRE(resources("hugepageLimits", R"([{"pageSize": "2MB", "limit": 9223372036854772000}])")
                .hugepage_limits[0]
                .limit == 9223372036854772000U);
    for (const char *size : {"", "2M", "MB", "02MB", "2MB/x", "2 MB", "2TB", "-2MB", "99999999999MB"}) {
        REQUIRE(refused("hugepageLimits", R"([{"limit": 1, "pageSize": ")" + std::string(size) + "\"}]")
                    .starts_with("hugepageLimits[0].pageSize: want a size as"));
    }
    REQUIRE(refused("hugepageLimits", R"([{"pageSize": "2MB"}])") == "hugepageLimits[0].limit: missing");
}

TEST_CASE("RDMA limits are for a device", "[spec]") {
    REQUIRE(resources("rdma", R"({"mlx5_1": {"hcaHandles": 3}})").rdma.at("mlx5_1").hca_handles == 3);
    REQUIRE(refused("rdma", R"({"mlx5_1": {}})") == "rdma.mlx5_1: want hcaHandles or hcaObjects, have neither");
    REQUIRE(refused("rdma", R"({"a\nb": {"hcaHandles": 1}})") == "rdma[\"a\\nb\"]: not the name of a device");
}

TEST_CASE("what only cgroup v1 has is checked and noted", "[spec]") {
    REQUIRE(resources("network", R"({"classID": 1})").network_given);
    REQUIRE(refused("network", R"({"priorities": [{"name": "eth0"}]})") == "network.priorities[0].priority: missing");
}

TEST_CASE("unified keys are files of a cgroup, not of another one", "[spec]") {
    REQUIRE(resources("unified", R"({"hugetlb.1GB.max": "1"})").unified.at("hugetlb.1GB.max") == "1");
    for (const char *name : {"NOT-A-KEY", "..", ".x", "../memory.max", "a/memory.max", "memory.", "memory max.x", ""}) {
        CAPTURE(name);
        REQUIRE(refused("unified", nlohmann::json{{name, "1"}}.dump()).contains("CONTROLLER.VALUE"));
    }
    REQUIRE(refused("unified", R"({"memory.max": 1})") == "unified[\"memory.max\"]: want a text, have 1");
}
