// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/network/definition.h"
#include "runtime/network/record.h"
#include "tests/unit/check.h"

namespace ballast::network {
namespace {

const std::string kId(64, 'a');

Surroundings machine() {
    return {.pools = default_pools("machine"),
            .occupied = {
                {.subnet = *Subnet::parse("10.0.0.0/24"), .holder = "network front"},
                {.subnet = *Subnet::parse("10.8.0.0/16"), .holder = "the host's route by tun0", .is_route = true}}};
}

std::string refusal(const NetworkRequest &request) { return error_of(define(request, kId, machine())).message; }

} // namespace

TEST_CASE("a network that says nothing gets a subnet, a gateway and a bridge", "[network]") {
    const Network network = must(define({.name = "net"}, kId, machine()));
    CHECK(network.bridge == "br-aaaaaaaaaaaa");
    REQUIRE(network.pools.size() == 1);
    CHECK(network.pools[0].subnet.text() == "172.17.0.0/16");
    CHECK(network.pools[0].gateway->text() == "172.17.0.1");
    CHECK(network.icc);
    CHECK(network.masquerade);
}

TEST_CASE("options of the bridge driver are read, others are kept", "[network]") {
    const Network network = must(define(
        {.name = "net",
         .internal = true,
         .ipv6 = true,
         .options = {{kMtu, "9000"},
                     {kIcc, "false"},
                     {kMasquerade, "0"},
                     {kBridgeName, "mine"},
                     {kHostBinding, "192.0.2.1"},
                     {kInterfacePrefix, "net"},
                     {"theirs", "x"}},
         .pools = {{.subnet = "10.1.0.0/24", .range = "10.1.0.64/26", .gateway = "", .others = {{"a", "10.1.0.64"}}},
                   {.subnet = "fd00:1::/64", .gateway = "fd00:1::ff"}}},
        kId, machine()));
    CHECK(network.mtu == 9000);
    CHECK_FALSE(network.icc);
    CHECK_FALSE(network.masquerade);
    CHECK(network.bridge == "mine");
    CHECK(network.port_host->text() == "192.0.2.1");
    CHECK(network.interface == "net");
    CHECK(network.pools[0].gateway->text() == "10.1.0.65");
    CHECK(network.pools[1].gateway->text() == "fd00:1::ff");
    const Network read = must(parse_network(record_text(network), "x"));
    CHECK(record_text(read) == record_text(network));
    CHECK(read.bridge == "mine");
    CHECK(read.options.at("theirs") == "x");
}

TEST_CASE("what no network can be is refused in words that say what is wrong", "[network]") {
    CHECK(refusal({.name = "a b"}).starts_with("invalid network name \"a b\""));
    CHECK(refusal({.name = ""}).starts_with("invalid network name"));
    CHECK(refusal({.name = "x", .driver = "overlay"}).starts_with("plugin \"overlay\" not found"));
    CHECK(refusal({.name = "x", .driver = "host"}) == "only one instance of \"host\" network is allowed");
    CHECK(refusal({.name = "x", .ipam_driver = "dhcp"}).starts_with("IPAM driver"));
    const auto with_pool = [](PoolRequest pool) { return refusal({.name = "x", .pools = {std::move(pool)}}); };
    CHECK(with_pool({.subnet = "10.0.0.0/16"})
              .contains("Pool overlaps with other one on this address space: 10.0.0.0/16 overlaps with 10.0.0.0/24 of "
                        "network front"));
    CHECK(must(define({.name = "x", .pools = {{.subnet = "10.8.5.0/24"}}}, kId, machine())).pools.size() == 1);
    CHECK(with_pool({.subnet = "10.1.0.5/24"}).ends_with("it should be 10.1.0.0/24"));
    CHECK(with_pool({.subnet = "10.1.0.0"}).starts_with("invalid subnet"));
    CHECK(with_pool({.subnet = "10.1.0.0/32"}).contains("containers cannot have addresses"));
    CHECK(with_pool({.subnet = "127.0.0.0/8"}).contains("containers cannot have addresses"));
    CHECK(with_pool({.subnet = "10.1.0.0/24", .range = "10.2.0.0/25"}).contains("invalid ip-range"));
    CHECK(with_pool({.subnet = "10.1.0.0/24", .gateway = "10.2.0.1"}).contains("it is not in the subnet 10.1.0.0/24"));
    CHECK(with_pool({.subnet = "fd00::/64"}).contains("use --ipv6"));
    CHECK(refusal({.name = "x", .pools = {{.subnet = "10.1.0.0/24"}, {.subnet = "10.2.0.0/24"}}})
              .contains("multiple subnets"));
    for (const auto &[option, value] : {std::pair(kMtu, "10"),
                                        {kMtu, "x"},
                                        {kIcc, "maybe"},
                                        {kBridgeName, "a/b"},
                                        {kBridgeName, "abcdefghijklmnop"},
                                        {kHostBinding, "::1"},
                                        {kHostIpv4, "fd00::1"},
                                        {kHostIpv6, "10.0.0.1"},
                                        {kInhibitIpv4, "perhaps"}}) {
        CAPTURE(option, value);
        CHECK(refusal({.name = "x", .options = {{option, value}}}).starts_with("option " + std::string(option)));
    }
}

TEST_CASE("a sandbox is read as it was written, and a broken one is refused with its place", "[network]") {
    Sandbox sandbox{.container_id = kId};
    Endpoint endpoint{.id = kId,
                      .network_id = kId,
                      .network = "net",
                      .host_interface = "veth1",
                      .interface = "eth0",
                      .mac = "02:42:0a:00:00:02",
                      .mtu = 1500};
    endpoint.v4 = Subnet::parse("10.0.0.2/24");
    endpoint.gateway_v4 = Address::parse("10.0.0.1");
    sandbox.endpoints = {endpoint};
    sandbox.ports = {{.protocol = Protocol::kUdp,
                      .host_address = *Address::parse("::"),
                      .host_port = 53,
                      .container_address = *Address::parse("10.0.0.2"),
                      .container_port = 5353}};
    const Sandbox read = must(parse_sandbox(record_text(sandbox), "x"));
    CHECK(record_text(read) == record_text(sandbox));
    CHECK(read.ports == sandbox.ports);
    std::string broken = record_text(sandbox);
    broken.replace(broken.find("10.0.0.2/24"), 11, "10.0.0.2/99");
    CHECK(error_of(parse_sandbox(broken, "file")).message.starts_with("file: endpoints[0].v4"));
    CHECK_FALSE(parse_network("{}", "file").has_value());
    CHECK_FALSE(parse_network("not json", "file").has_value());
}

} // namespace ballast::network
