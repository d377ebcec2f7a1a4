// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/network/firewall.h"
#include "runtime/network/mac_address.h"

namespace ballast::network {
namespace {

PublishedPort port(const char *host, std::uint16_t number, const char *container) {
    return {.protocol = Protocol::kTcp,
            .host_address = *Address::parse(host),
            .host_port = number,
            .container_address = *Address::parse(container),
            .container_port = 80};
}

} // namespace

TEST_CASE("ports become elements: those on loopback and IPv4 behind IPv6 do not", "[network]") {
    const FirewallPlan plan;
    CHECK(add_commands({port("0.0.0.0", 8080, "172.17.0.2"), port("::", 8080, "172.17.0.2"),
                        port("127.0.0.1", 8081, "172.17.0.2")},
                       plan) == "add element inet ballast published_any4 { tcp . 8080 : 172.17.0.2 . 80 }\n");
    CHECK(add_commands({port("192.0.2.1", 1, "10.0.0.2"), port("192.0.2.1", 2, "10.0.0.2")}, plan) ==
          "add element inet ballast published4 { 192.0.2.1 . tcp . 1 : 10.0.0.2 . 80, 192.0.2.1 . tcp . 2 : 10.0.0.2 . "
          "80 }\n");
    CHECK(remove_commands({port("::", 8080, "fd00::2")}, plan) ==
          "delete element inet ballast published_any6 { tcp . 8080 }\n");
    CHECK(add_commands({port("0.0.0.0", 8080, "172.17.0.2")}, {.ipv4 = false}).empty());
}

TEST_CASE("the table has every network in its sets, an internal one without masquerading", "[network]") {
    Network open, inner;
    open.bridge = "br-open";
    open.pools = {{.subnet = *Subnet::parse("10.1.0.0/24")}, {.subnet = *Subnet::parse("fd00::/64")}};
    inner.bridge = "br-inner";
    inner.internal = true;
    inner.icc = false;
    inner.pools = {{.subnet = *Subnet::parse("10.2.0.0/24")}};
    const std::string text = firewall_commands({.networks = {open, inner}});
    CHECK(text.starts_with("table inet ballast\ndelete table inet ballast\n"));
    CHECK(text.contains("set bridges { type ifname; elements = { \"br-open\", \"br-inner\" } }"));
    CHECK(text.contains("set internal { type ifname; elements = { \"br-inner\" } }"));
    CHECK(text.contains("elements = { \"br-open\" . \"br-open\" }"));
    CHECK(text.contains("elements = { 10.1.0.0/24 . \"br-open\", 10.2.0.0/24 . \"br-inner\" }"));
    CHECK(text.contains("set masqueraded4 { type ipv4_addr; flags interval; elements = { 10.1.0.0/24 } }"));
    CHECK_FALSE(text.contains("iifkind"));
    CHECK(firewall_commands({.guard_forwarding = true}).contains("iifkind"));
}

TEST_CASE("MAC addresses are read, and those of groups refused", "[network]") {
    CHECK(mac_text(*mac_bytes("02:42:AC:11:00:02")) == "02:42:ac:11:00:02");
    CHECK(mac_bytes("02-42-ac-11-00-02").has_value());
    for (const char *text :
         {"", "02:42:ac:11:00", "02:42:ac:11:00:0g", "01:00:5e:00:00:01", "00:00:00:00:00:00", "02:42:ac:11:00:02:"}) {
        CAPTURE(text);
        CHECK_FALSE(mac_bytes(text).has_value());
    }
}

} // namespace ballast::network
