// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/network.h"
#include "tests/unit/check.h"

namespace ballast::engine {

TEST_CASE("the mode says whether a container has networks of its own", "[engine]") {
    for (const char *mode : {"default", "bridge", "mynet", ""}) {
        CHECK(has_own_networks(mode));
    }
    for (const char *mode : {"none", "host", "container:web"}) {
        CHECK_FALSE(has_own_networks(mode));
    }
    CHECK(network_of_mode("default") == "bridge");
    CHECK(network_of_mode("mynet") == "mynet");
    const auto pid = [](const std::string &) -> Result<int> { return 7; };
    HostConfig host;
    host.network_mode = "host";
    CHECK(must(shared_network(host, pid)) == "host");
    host.network_mode = "container:web";
    CHECK(must(shared_network(host, pid)) == "/proc/7/ns/net");
    host.network_mode = "container:";
    CHECK(error_of(shared_network(host, pid)).code == EINVAL);
}

TEST_CASE("published and exposed ports become requests, what is bound not twice", "[engine]") {
    Config config;
    HostConfig host;
    config.exposed_ports = {"80/tcp", "443/tcp", "53/udp"};
    host.port_bindings = {
        {"80/tcp", {{.host_ip = "127.0.0.1", .host_port = "8080"}, {.host_ip = "", .host_port = "8000-8010"}}},
        {"81", {{.host_ip = "", .host_port = ""}}},
        {"82/tcp", {}}};
    CHECK(must(plan_ports(config, host)).size() == 3);
    host.publish_all_ports = true;
    const auto requests = must(plan_ports(config, host));
    REQUIRE(requests.size() == 5);
    CHECK(requests[0].host_address->text() == "127.0.0.1");
    CHECK(requests[1].first_host_port == 8000);
    CHECK(requests[1].last_host_port == 8010);
    CHECK(requests[2].container_port == 81);
    host.network_mode = "host";
    CHECK(must(plan_ports(config, host)).empty());
    for (const char *bad : {"0/tcp", "80/icmp", "x", "70000/tcp", "90-80/tcp"}) {
        CAPTURE(bad);
        host.port_bindings = {{bad, {{.host_ip = "", .host_port = "1"}}}};
        CHECK(error_of(plan_ports(config, host)).code == EINVAL);
    }
    for (const auto &[ip, port] :
         {std::pair("300.1.1.1", "80"), {"", "0-5"}, {"", "eighty"}, {"", "90-80"}, {"224.0.0.1", "80"}}) {
        CAPTURE(ip, port);
        host.port_bindings = {{"80/tcp", {{.host_ip = ip, .host_port = port}}}};
        CHECK(error_of(plan_ports(config, host)).code == EINVAL);
    }
}

TEST_CASE("the first interface is of the network of the mode", "[engine]") {
    Snapshot container;
    container.host.network_mode = "web";
    container.config.mac_address = "02:00:00:00:00:01";
    container.networking["alpha"] = {};
    container.networking["web"].ipv4_address = "10.0.0.9";
    const auto wishes = plan_endpoints(container);
    REQUIRE(wishes.size() == 2);
    CHECK(wishes[0].network == "web");
    CHECK(wishes[0].v4 == "10.0.0.9");
    CHECK(wishes[0].mac == "02:00:00:00:00:01");
    CHECK(wishes[1].mac.empty());
}

} // namespace ballast::engine
