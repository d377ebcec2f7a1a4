// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/network/address.h"

namespace ballast::network {

TEST_CASE("addresses are read as inet_pton reads them, and nothing else is one", "[network]") {
    CHECK(Address::parse("10.0.0.1")->text() == "10.0.0.1");
    CHECK(Address::parse("FD00:0::1")->text() == "fd00::1");
    for (const char *text : {"", "10.0.0", "10.0.0.256", "010.0.0.1", "fe80::1%eth0", "10.0.0.1/8", "::1 "}) {
        CAPTURE(text);
        CHECK_FALSE(Address::parse(text).has_value());
    }
    CHECK_FALSE(Address::parse(std::string_view("10.0.0.1\0x", 10)).has_value());
}

TEST_CASE("an offset carries over bytes, up to the family's size", "[network]") {
    CHECK(Address::parse("10.0.0.255")->plus(1).text() == "10.0.1.0");
    CHECK(Address::parse("172.17.0.0")->plus(65535).text() == "172.17.255.255");
    CHECK(Address::parse("fd00::ffff:ffff")->plus(1).text() == "fd00::1:0:0");
    CHECK(Address::parse("255.255.255.255")->plus(2).text() == "0.0.0.1");
}

TEST_CASE("a subnet knows its base, its last address and what belongs to it", "[network]") {
    const Subnet subnet = *Subnet::parse("172.17.5.9/20");
    CHECK(subnet.base().text() == "172.17.0.0");
    CHECK(subnet.last().text() == "172.17.15.255");
    CHECK(subnet.last_offset() == 4095);
    CHECK(subnet.contains(*Address::parse("172.17.15.1")));
    CHECK_FALSE(subnet.contains(*Address::parse("172.17.16.1")));
    CHECK_FALSE(subnet.contains(*Address::parse("fd00::1")));
    CHECK(subnet.overlaps(*Subnet::parse("172.16.0.0/12")));
    CHECK(subnet.overlaps(*Subnet::parse("172.17.3.0/24")));
    CHECK_FALSE(subnet.overlaps(*Subnet::parse("172.18.0.0/16")));
    CHECK(Subnet::parse("fd00::/64")->last().text() == "fd00::ffff:ffff:ffff:ffff");
    CHECK(Subnet::parse("0.0.0.0/0")->contains(*Address::parse("8.8.8.8")));
    for (const char *text : {"10.0.0.0", "10.0.0.0/", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1", "10.0.0.0/8x"}) {
        CAPTURE(text);
        CHECK_FALSE(Subnet::parse(text).has_value());
    }
}

TEST_CASE("loopback and multicast addresses are told from others", "[network]") {
    CHECK(Address::parse("127.8.0.1")->is_loopback());
    CHECK(Address::parse("::1")->is_loopback());
    CHECK_FALSE(Address::parse("::")->is_loopback());
    CHECK(Address::parse("::")->is_any());
    CHECK(Address::parse("239.1.2.3")->is_multicast());
    CHECK(Address::parse("ff02::1")->is_multicast());
    CHECK_FALSE(Address::parse("10.0.0.1")->is_multicast());
}

} // namespace ballast::network
