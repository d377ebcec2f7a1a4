// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/network/address_pools.h"
#include "tests/unit/check.h"

namespace ballast::network {
namespace {

Subnet subnet(const char *text) { return *Subnet::parse(text); }

} // namespace

TEST_CASE("networks get the first subnet that overlaps nothing", "[network]") {
    const std::vector<DefaultPool> pools = default_pools("machine");
    CHECK(must(choose_subnet(pools, Family::kV4, {})).text() == "172.17.0.0/16");
    CHECK(must(choose_subnet(pools, Family::kV4, {subnet("172.17.9.0/24")})).text() == "172.18.0.0/16");
    CHECK(must(choose_subnet(pools, Family::kV4, {subnet("172.16.0.0/12")})).text() == "192.168.0.0/20");
    CHECK(must(choose_subnet(pools, Family::kV4, {subnet("172.16.0.0/12"), subnet("192.168.5.0/24")})).text() ==
          "192.168.16.0/20");
    CHECK(error_of(choose_subnet(pools, Family::kV4, {subnet("172.16.0.0/12"), subnet("192.168.0.0/16")})).code ==
          ENOSPC);
    const Subnet first = must(choose_subnet(pools, Family::kV6, {}));
    CHECK(first.prefix == 64);
    CHECK(first.address.bytes[0] == 0xfd);
    CHECK(must(choose_subnet(pools, Family::kV6, {first})) != first);
    CHECK(must(choose_subnet(default_pools("another machine"), Family::kV6, {})) != first);
}

TEST_CASE("addresses are taken from the lowest on, and given back", "[network]") {
    Network network;
    network.name = "net";
    network.id = std::string(64, 'a');
    network.pools = {{.subnet = subnet("10.0.0.0/29"),
                      .gateway = Address::parse("10.0.0.1"),
                      .others = {{"router", *Address::parse("10.0.0.3")}}},
                     {.subnet = subnet("fd00::/64"), .gateway = Address::parse("fd00::1")}};
    Leases leases(network);
    CHECK_FALSE(leases.in_use());
    CHECK(must(leases.take_any(Family::kV4, "a")).text() == "10.0.0.2");
    CHECK(must(leases.take_any(Family::kV4, "b")).text() == "10.0.0.4");
    CHECK(must(leases.take_any(Family::kV6, "b")).text() == "fd00::2");
    must(leases.take(*Address::parse("10.0.0.5"), "c"));
    CHECK(must(leases.take_any(Family::kV4, "d")).text() == "10.0.0.6");
    CHECK(error_of(leases.take_any(Family::kV4, "e")).message ==
          "no available IPv4 addresses on this network's address pools: net (" + network.id + ")");
    leases.give_back(*Address::parse("10.0.0.4"), "a"); // not its own
    CHECK_FALSE(leases.take_any(Family::kV4, "e").has_value());
    leases.give_back(*Address::parse("10.0.0.4"), "b");
    CHECK(must(leases.take_any(Family::kV4, "e")).text() == "10.0.0.4");
    CHECK(error_of(leases.take(*Address::parse("10.0.0.1"), "f")).code == EADDRINUSE);
    CHECK(error_of(leases.take(*Address::parse("10.0.0.7"), "f")).code == EADDRINUSE); // broadcast
    CHECK(error_of(leases.take(*Address::parse("10.0.0.5"), "f")).message.contains("container c"));
    CHECK(error_of(leases.take(*Address::parse("10.0.1.5"), "f")).code == EINVAL);
    CHECK(leases.count(Family::kV4) == 4);
    CHECK(leases.in_use());
}

} // namespace ballast::network
