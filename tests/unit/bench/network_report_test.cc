// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/network_report.h"

#include <algorithm>

#include "tests/bench/measured_engine.h"
#include "tests/bench/network_measurement.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::bench;

namespace {

std::vector<EngineSamples> results() {
    return {{.name = "ballastd", .samples = {{"out", {100, 110, 90}}, {"memory", {20}}, {"memory_ports", {20.5}}}},
            {.name = "dockerd", .samples = {{"out", {200}}, {"memory", {100}}, {"memory_ports", {300}}}}};
}

} // namespace

TEST_CASE("what was measured of networks survives the way to the host", "[network_measurement]") {
    CHECK(to_json(must(engine_samples_from_json(to_json(results())))) == to_json(results()));
    CHECK(error_of(engine_samples_from_json("[{}]")).code == EPROTO);
    CHECK(error_of(engine_samples_from_json("killed")).code == EPROTO);
}

TEST_CASE("throughput is told as the time of a GiB, so that less is better", "[network_measurement]") {
    CHECK(must(per_gibibyte(R"({"end": {"sum_received": {"bits_per_second": 8589934592}}})")) == 1000);
    CHECK(error_of(per_gibibyte(R"({"end": {"sum_received": {"bits_per_second": 0}}})")).code == EIO);
    CHECK(error_of(per_gibibyte(R"({"error": "unable to connect"})")).message == "iperf3: unable to connect");
    CHECK(error_of(per_gibibyte("")).code == EPROTO);
}

TEST_CASE("networks are compared with budgets, and memory with what ports add", "[network_report]") {
    const std::vector<Comparison> all = compare_networks(results());
    const auto out = std::ranges::find(all, "a GiB out through masquerading", &Comparison::name);
    REQUIRE(out != all.end());
    CHECK(out->ours.median == 100);
    CHECK(out->theirs.median == 200);
    CHECK(out->budget == 1 / 0.95);
    CHECK(network_remarks(results()).contains("ballastd: 100 published ports add 0.5 MiB"));
    CHECK(all.size() == 3); // what was measured, and no more
    CHECK(network_remarks({{.name = "ballastd", .samples = {{"out", {100}}}}}).empty());
}

TEST_CASE("an engine under measurement is a name, a socket and processes", "[measured_engine]") {
    const Engine engine = must(engine_of("dockerd=/run/x.sock,dockerd,containerd"));
    CHECK(engine.name == "dockerd");
    CHECK(engine.socket == "/run/x.sock");
    CHECK(engine.processes == std::vector<std::string>{"dockerd", "containerd"});
    CHECK(error_of(engine_of("dockerd=/run/x.sock")).code == EINVAL);
}
