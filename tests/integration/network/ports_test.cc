// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/host_fixture.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "runtime/network/namespace.h"

namespace ballast::network_tests {

TEST_CASE("a published port is reached from outside, the host, siblings, other networks and the container itself",
          "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create({.name = "other"}));
    for (const Protocol protocol : {Protocol::kTcp, Protocol::kUdp}) {
        CAPTURE(protocol_name(protocol));
        const Sandbox one = host.start('1', {{.network = "bridge"}}, {port_request(80, 8080, protocol)});
        host.start('2');
        host.start('3', {{.network = "other"}});
        const Server server(host.container('1'), protocol, one.endpoints[0].v4->address.text(), 80);
        CHECK(ask_from(host.outside(), protocol, "192.0.2.1", 8080) == "192.0.2.2");
        CHECK(ask_from(HostFixture::host(), protocol, "192.0.2.1", 8080) == "192.0.2.1");
        CHECK_FALSE(ask_from(host.container('2'), protocol, "192.0.2.1", 8080).empty());
        CHECK_FALSE(ask_from(host.container('3'), protocol, "192.0.2.1", 8080).empty());
        CHECK_FALSE(ask_from(host.container('1'), protocol, "192.0.2.1", 8080).empty());
        CHECK_FALSE(ask_from(host.container('2'), protocol, "172.17.0.1", 8080).empty());
        for (const char number : {'1', '2', '3'}) {
            host.networks().release(HostFixture::id(number));
        }
        CHECK(ask_from(host.outside(), protocol, "192.0.2.1", 8080).empty());
    }
}

TEST_CASE("IPv6 is published where the container has it", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create({.name = "dual", .ipv6 = true, .pools = {{.subnet = "fd42:1::/64"}}}));
    const Sandbox one = host.start('1', {{.network = "dual"}}, {port_request(80, 8080)});
    CHECK(one.ports.size() == 2);
    const Server server(host.container('1'), Protocol::kTcp, "fd42:1::2", 80);
    CHECK(ask_from(host.outside(), Protocol::kTcp, "2001:db8::1", 8080) == "2001:db8::2");
    CHECK_FALSE(ask_from(host.container('1'), Protocol::kTcp, "2001:db8::1", 8080).empty());
    CHECK(ask_from(host.outside(), Protocol::kTcp, "fd42:1::2", 80).empty());
}

TEST_CASE("a port on one address of the host is nowhere else", "[root]") {
    HostFixture host;
    host.open();
    output_in(HostFixture::host(), {"ip", "addr", "add", "192.0.2.9/24", "dev", "uplink"});
    host.start('1', {{.network = "bridge"}}, {port_request(80, 8080, Protocol::kTcp, "192.0.2.9")});
    const Server server(host.container('1'), Protocol::kTcp, "172.17.0.2", 80);
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.9", 8080) == "192.0.2.2");
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080).empty());
    // On loopback: for the host's own programs only, which are not turned here.
    host.start('2', {{.network = "bridge"}}, {port_request(80, 8081, Protocol::kTcp, "127.0.0.1")});
    const Server second(host.container('2'), Protocol::kTcp, "172.17.0.3", 80);
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8081).empty());
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "172.17.0.1", 8081).empty());
}

TEST_CASE("services on the host's loopback stay out of reach of containers and neighbours", "[root]") {
    HostFixture host;
    host.open();
    host.start('1');
    const Server service(HostFixture::host(), Protocol::kTcp, "127.0.0.1", 9000);
    CHECK_FALSE(ask_from(HostFixture::host(), Protocol::kTcp, "127.0.0.1", 9000).empty());
    for (const fs::path &place : {host.container('1'), host.outside()}) {
        const std::string router = place == host.outside() ? "192.0.2.1" : "172.17.0.1";
        const std::string device = place == host.outside() ? "outer" : "eth0";
        output_in(place, {"ip", "link", "set", "lo", "down"});
        output_in(place, {"sh", "-c", "echo 1 > /proc/sys/net/ipv4/conf/all/route_localnet"});
        output_in(place, {"ip", "route", "add", "127.0.0.1/32", "via", router, "dev", device});
        CHECK(ask_from(place, Protocol::kTcp, "127.0.0.1", 9000).empty());
    }
    CHECK(must(read_network_sysctl("ipv4/conf/all/route_localnet")) == "0");
    CHECK(must(read_network_sysctl("ipv4/conf/ballast0/route_localnet")) == "0");
}

TEST_CASE("a port in use is refused with its number and who has it", "[root]") {
    HostFixture host;
    host.open();
    host.start('1', {{.network = "bridge"}}, {port_request(80, 8080)});
    const auto refused = [&host](const std::vector<PortRequest> &ports) {
        return error_of(host.networks().reserve({.container_id = HostFixture::id('2'),
                                                 .container_name = "c2",
                                                 .endpoints = {{.network = "bridge"}},
                                                 .ports = ports}));
    };
    CHECK(refused({port_request(80, 8080)}).message ==
          "Bind for 0.0.0.0:8080 failed: port is already allocated: container c1 has it");
    CHECK(refused({port_request(80, 8080)}).code == EADDRINUSE);
    CHECK(refused({port_request(80, 8080, Protocol::kTcp, "192.0.2.1")}).message.contains("container c1 has it"));
    CHECK(refused({port_request(80, 8090), port_request(81, 8090)}).message.contains("8090 failed"));
    {
        const Server taken(HostFixture::host(), Protocol::kUdp, "0.0.0.0", 5353);
        const std::string message = refused({port_request(53, 5353, Protocol::kUdp)}).message;
        CHECK(message.contains("0.0.0.0:5353"));
        CHECK(message.contains("(process " + std::to_string(getpid()) + ") has it"));
    }
    CHECK(refused({port_request(80, 81, Protocol::kTcp, "203.0.113.9")})
              .message.contains("cannot assign requested address"));
    // The other way round: nobody else gets a port that is published.
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const sockaddr_in address{.sin_family = AF_INET, .sin_port = htons(8080), .sin_addr = {}, .sin_zero = {}};
    CHECK(bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) != 0);
    CHECK(errno == EADDRINUSE);
    // All that was refused left nothing.
    CHECK(host.start('3', {{.network = "bridge"}}, {port_request(80, 8090), port_request(53, 5353, Protocol::kUdp)})
              .endpoints[0]
              .v4->text() == "172.17.0.3/16");
}

TEST_CASE("ephemeral ports and the first free one of a range are found", "[root]") {
    HostFixture host;
    host.open();
    const PortRequest range{.container_port = 80, .first_host_port = 8000, .last_host_port = 8001};
    CHECK(host.start('1', {{.network = "bridge"}}, {range}).ports[0].host_port == 8000);
    CHECK(host.start('2', {{.network = "bridge"}}, {range}).ports[0].host_port == 8001);
    CHECK_FALSE(host.networks()
                    .reserve({.container_id = HostFixture::id('3'),
                              .container_name = "c3",
                              .endpoints = {{.network = "bridge"}},
                              .ports = {range}})
                    .has_value());
    const Sandbox any = host.start('4', {{.network = "bridge"}},
                                   {PortRequest{.container_port = 80}, PortRequest{.container_port = 81}});
    REQUIRE(any.ports.size() == 4); // both families
    CHECK(any.ports[0].host_port == any.ports[1].host_port);
    CHECK(any.ports[0].host_port >= 1024);
    CHECK(any.ports[0].host_port != any.ports[2].host_port);
}

TEST_CASE("ports follow the default route when networks are connected and left", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create({.name = "alpha", .pools = {{.subnet = "10.1.0.0/24"}}}));
    must(host.networks().create({.name = "inner", .internal = true}));
    const std::vector<PortRequest> ports = {port_request(80, 8080)};
    CHECK(host.start('1', {{.network = "inner"}}, ports).ports.empty()); // no way in
    must(host.networks().connect(HostFixture::id('1'), {.network = "bridge"}, ports));
    const Server server(host.container('1'), Protocol::kTcp, "0.0.0.0", 80);
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2");
    const Sandbox moved = must(host.networks().connect(HostFixture::id('1'), {.network = "alpha"}, ports));
    CHECK(moved.ports[0].container_address.text() == "10.1.0.2");
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2");
    must(host.networks().disconnect(HostFixture::id('1'), "alpha", ports));
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2");
}

} // namespace ballast::network_tests
