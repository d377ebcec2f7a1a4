// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/host_fixture.h"

#include "base/subprocess.h"

namespace ballast::network_tests {

TEST_CASE("containers on the default bridge get addresses in sequence, and a way out behind the host's", "[root]") {
    HostFixture host;
    host.open();
    CHECK(host.warnings.empty());
    const Sandbox first = host.start('1'), second = host.start('2');
    CHECK(first.endpoints[0].v4->text() == "172.17.0.2/16");
    CHECK(second.endpoints[0].v4->text() == "172.17.0.3/16");
    CHECK(first.endpoints[0].mac == "02:42:ac:11:00:02");
    CHECK(first.endpoints[0].gateway_v4->text() == "172.17.0.1");
    CHECK(output_in(host.container('1'), {"ip", "-br", "addr", "show", "eth0"}).contains("172.17.0.2/16"));
    CHECK(output_in(host.container('1'), {"ip", "link", "show", "lo"}).contains("LOWER_UP"));

    const Server outside(host.outside(), Protocol::kTcp, "192.0.2.2", 80);
    const Server sibling(host.container('2'), Protocol::kTcp, "172.17.0.3", 80);
    const Server gateway(HostFixture::host(), Protocol::kTcp, "172.17.0.1", 81);
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "192.0.2.2", 80) == "192.0.2.1");
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "172.17.0.3", 80) == "172.17.0.2");
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "172.17.0.1", 81) == "172.17.0.2");
    CHECK(ask_from(HostFixture::host(), Protocol::kTcp, "172.17.0.3", 80) == "172.17.0.1");
    CHECK(ask_from(host.outside(), Protocol::kTcp, "172.17.0.3", 80).empty()); // nothing was published
}

TEST_CASE("an address is free again once its container is gone", "[root]") {
    HostFixture host;
    host.open();
    host.start('1');
    host.networks().release(HostFixture::id('1'));
    CHECK_FALSE(fs::exists(host.container('1')));
    must(host.networks().create({.name = "small", .pools = {{.subnet = "10.9.0.0/30"}}}));
    for (int round = 0; round < 3; round++) {
        CHECK(host.start('2', {{.network = "small"}}).endpoints[0].v4->text() == "10.9.0.2/30");
        host.networks().release(HostFixture::id('2'));
    }
    host.start('3', {{.network = "small"}});
    const SandboxWish wish{
        .container_id = HostFixture::id('4'), .container_name = "four", .endpoints = {{.network = "small"}}};
    CHECK(error_of(host.networks().reserve(wish))
              .message.starts_with("no available IPv4 addresses on this network's address pools: small"));
}

TEST_CASE("networks do not reach each other, and an internal one has no way out", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create({.name = "front"}));
    must(host.networks().create({.name = "back", .internal = true}));
    const std::string front = host.start('1', {{.network = "front"}}).endpoints[0].v4->address.text();
    const Sandbox back = host.start('2', {{.network = "back"}});
    host.start('3', {{.network = "back"}});
    const std::string inner = back.endpoints[0].v4->address.text();
    CHECK_FALSE(back.endpoints[0].gateway_v4.has_value());

    const Server on_front(host.container('1'), Protocol::kTcp, front, 80);
    const Server on_back(host.container('2'), Protocol::kTcp, inner, 80);
    const Server outside(host.outside(), Protocol::kTcp, "192.0.2.2", 80);
    CHECK_FALSE(ask_from(host.container('3'), Protocol::kTcp, inner, 80).empty());
    CHECK(ask_from(host.container('1'), Protocol::kTcp, inner, 80).empty());
    CHECK(ask_from(host.container('3'), Protocol::kTcp, front, 80).empty());
    CHECK(ask_from(host.container('3'), Protocol::kTcp, "192.0.2.2", 80).empty());
    // Not even with a route of its own.
    output_in(host.container('3'),
              {"ip", "route", "add", "default", "via", must(host.networks().find("back")).pools[0].gateway->text()});
    CHECK(ask_from(host.container('3'), Protocol::kTcp, "192.0.2.2", 80).empty());
    CHECK(ask_from(host.container('3'), Protocol::kTcp, front, 80).empty());
}

TEST_CASE("without icc, containers of a network do not speak with each other, and still reach out", "[root]") {
    HostFixture host;
    Settings settings;
    settings.icc = false;
    host.open(settings);
    host.start('1');
    host.start('2');
    const Server sibling(host.container('2'), Protocol::kTcp, "172.17.0.3", 80);
    const Server outside(host.outside(), Protocol::kTcp, "192.0.2.2", 80);
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "172.17.0.3", 80).empty());
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "192.0.2.2", 80) == "192.0.2.1");
    CHECK_FALSE(ask_from(HostFixture::host(), Protocol::kTcp, "172.17.0.3", 80).empty());
    // The way round by the gateway is closed as well.
    output_in(host.container('1'), {"ip", "route", "add", "172.17.0.3/32", "via", "172.17.0.1"});
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "172.17.0.3", 80).empty());
}

TEST_CASE("a network of both families has IPv6 addresses that reach out", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create({.name = "dual", .ipv6 = true, .pools = {{.subnet = "fd42:1::/64"}}}));
    const Sandbox one = host.start('1', {{.network = "dual"}});
    CHECK(one.endpoints[0].v6->text() == "fd42:1::2/64");
    CHECK(one.endpoints[0].v4.has_value());
    const Server outside(host.outside(), Protocol::kTcp, "2001:db8::2", 80);
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "2001:db8::2", 80) == "2001:db8::1");
    must(host.networks().create({.name = "local", .ipv6 = true}));
    const Sandbox two = host.start('2', {{.network = "local"}});
    CHECK(two.endpoints[0].v6->address.bytes[0] == 0xfd);
    host.start('3');
    CHECK_FALSE(output_in(host.container('3'), {"ip", "-6", "addr", "show", "eth0"}).contains("inet6"));
}

TEST_CASE("the default route is of the first network by name, and moves with connect and disconnect", "[root]") {
    HostFixture host;
    host.open();
    for (const char *name : {"alpha", "beta", "inner"}) {
        must(host.networks().create({.name = name, .internal = std::string_view(name) == "inner"}));
    }
    const auto route = [&host] { return output_in(host.container('1'), {"ip", "route", "show", "default"}); };
    host.start('1', {{.network = "beta"}, {.network = "inner"}});
    CHECK(route().contains("dev eth0"));
    const Sandbox both = must(host.networks().connect(HostFixture::id('1'), {.network = "alpha"}, {}));
    CHECK(both.endpoints[2].interface == "eth2");
    CHECK(route().contains("dev eth2"));
    must(host.networks().disconnect(HostFixture::id('1'), "alpha", {}));
    CHECK(route().contains("dev eth0"));
    must(host.networks().disconnect(HostFixture::id('1'), "beta", {}));
    CHECK(route().empty());
    CHECK(output_in(host.container('1'), {"ip", "-br", "link"}).find("eth0") == std::string::npos);
    CHECK(error_of(host.networks().disconnect(HostFixture::id('1'), "beta", {}))
              .message.contains("is not connected to network beta"));
    CHECK(error_of(host.networks().connect(HostFixture::id('1'), {.network = "inner"}, {}))
              .message.contains("already exists in network inner"));
    must(host.networks().connect(HostFixture::id('1'), {.network = "alpha"}, {}));
    CHECK(route().contains("dev eth0"));
}

TEST_CASE("fixed addresses, MAC addresses and MTUs are as they were asked for", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create(
        {.name = "net",
         .options = {{kMtu, "1400"}, {kBridgeName, "mine"}},
         .pools = {{.subnet = "10.5.0.0/24", .range = "10.5.0.128/25", .gateway = "10.5.0.254"}}}));
    const Sandbox one = host.start('1', {{.network = "net", .v4 = "10.5.0.9", .mac = "02:AA:00:00:00:01"}});
    const std::string link = output_in(host.container('1'), {"ip", "addr", "show", "eth0"});
    CHECK(link.contains("10.5.0.9/24"));
    CHECK(link.contains("02:aa:00:00:00:01"));
    CHECK(link.contains("mtu 1400"));
    CHECK(host.start('2', {{.network = "net"}}).endpoints[0].v4->text() == "10.5.0.128/24");
    CHECK(output_in(HostFixture::host(), {"ip", "addr", "show", "mine"}).contains("10.5.0.254/24"));
    const auto refused = [&host](const EndpointWish &wish) {
        return error_of(host.networks().reserve(
                            {.container_id = HostFixture::id('3'), .container_name = "three", .endpoints = {wish}}))
            .message;
    };
    CHECK(refused({.network = "net", .v4 = "10.5.0.9"}).starts_with("Address already in use"));
    CHECK(refused({.network = "net", .v4 = "10.6.0.9"}).contains("does not belong to any of this network's subnets"));
    CHECK(refused({.network = "bridge", .v4 = "172.17.0.9"}).contains("user defined networks only"));
    CHECK(refused({.network = "net", .mac = "01:00:5e:00:00:01"}).starts_with("invalid MAC address"));
    CHECK(refused({.network = "nope"}) == "network nope not found");
}

TEST_CASE("networks that cannot be are refused with what is in the way", "[root]") {
    HostFixture host;
    host.open();
    const auto refused = [&host](const NetworkRequest &request) {
        return error_of(host.networks().create(request)).message;
    };
    must(host.networks().create({.name = "net", .pools = {{.subnet = "10.5.0.0/24"}}}));
    CHECK(refused({.name = "net"}) == "network with name net already exists");
    CHECK(refused({.name = "x", .pools = {{.subnet = "10.5.0.128/25"}}})
              .contains("Pool overlaps with other one on this address space: 10.5.0.128/25 overlaps with 10.5.0.0/24 "
                        "of network net"));
    CHECK(refused({.name = "x", .pools = {{.subnet = "192.0.2.0/24"}}}).contains("the host's route by uplink"));
    CHECK(refused({.name = "x", .options = {{kBridgeName, "ballast0"}}}).contains("networks have same bridge name"));
    CHECK(refused({.name = "x", .options = {{kBridgeName, "uplink"}}}).contains("is no bridge"));
    CHECK(error_of(host.networks().remove("bridge")).code == EPERM);
    host.start('1', {{.network = "net"}});
    CHECK(error_of(host.networks().remove("net")).message.contains("has active endpoints"));
    host.networks().release(HostFixture::id('1'));
    must(host.networks().remove("net"));
    CHECK(host.networks().find("net").error().code == ENOENT);
    CHECK(fs::is_empty(host.root() / "run" / "netns"));
}

TEST_CASE("what leaves has the address that the network's options say", "[root]") {
    HostFixture host;
    host.open();
    for (const char *address : {"192.0.2.7/24", "2001:db8::7/64"}) {
        must(run_checked({.arguments = {"ip", "address", "add", address, "dev", "uplink", "nodad"}}));
    }
    must(host.networks().create(
        {.name = "net", .ipv6 = true, .options = {{kHostIpv4, "192.0.2.7"}, {kHostIpv6, "2001:db8::7"}}}));
    host.start('1', {{.network = "net"}});
    const Server v4(host.outside(), Protocol::kTcp, "192.0.2.2", 80);
    const Server v6(host.outside(), Protocol::kTcp, "2001:db8::2", 80);
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "192.0.2.2", 80) == "192.0.2.7");
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "2001:db8::2", 80) == "2001:db8::7");
}

TEST_CASE("a bridge without an IPv4 address leaves that of a gateway of others alone", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create(
        {.name = "net", .options = {{kInhibitIpv4, "true"}}, .pools = {{.subnet = "10.5.0.0/24"}}}));
    const std::string bridge = must(host.networks().find("net")).bridge;
    CHECK_FALSE(output_in(HostFixture::host(), {"ip", "address", "show", bridge}).contains("inet "));
    CHECK(host.start('1', {{.network = "net"}}).endpoints[0].gateway_v4->text() == "10.5.0.1");
    must(run_checked({.arguments = {"ip", "address", "add", "10.5.0.9/24", "dev", bridge}}));
    host.close();
    host.open({}, {HostFixture::id('1')});
    CHECK(output_in(HostFixture::host(), {"ip", "address", "show", bridge}).contains("inet 10.5.0.9/24"));
}

TEST_CASE("pools that are used up refuse a network, until one is gone or a subnet is named", "[root]") {
    HostFixture host;
    Settings settings;
    settings.pools = {{.base = *Subnet::parse("10.77.0.0/24"), .size = 25}};
    host.open(settings);
    CHECK(must(host.networks().find("bridge")).pools[0].subnet.text() == "10.77.0.0/25");
    must(host.networks().create({.name = "one"}));
    for (int round = 0; round < 2; round++) { // and after a restart
        const Error refused = error_of(host.networks().create({.name = "two"}));
        CHECK(refused.code == ENOSPC);
        CHECK(refused.message.ends_with("name a subnet, or add pools to default-address-pools"));
        CHECK_FALSE(host.networks().find("two").has_value());
        host.close();
        host.open(settings);
        CHECK(host.warnings.empty());
    }
    must(host.networks().create({.name = "named", .pools = {{.subnet = "10.78.0.0/24"}}}));
    must(host.networks().remove("one"));
    CHECK(must(host.networks().create({.name = "two"})).pools[0].subnet.text() == "10.77.0.128/25");
}

namespace {

// A bridge of the operator's, gone with this.
class OwnBridge {
  public:
    explicit OwnBridge(const std::string &address) {
        must(run_checked({.arguments = {"ip", "link", "add", "br9", "type", "bridge"}}));
        must(run_checked({.arguments = {"ip", "addr", "add", address, "dev", "br9"}}));
        must(run_checked({.arguments = {"ip", "link", "set", "br9", "up"}}));
    }
    ~OwnBridge() { (void)run({.arguments = {"ip", "link", "delete", "br9"}}); }
    OwnBridge(const OwnBridge &) = delete;
    OwnBridge &operator=(const OwnBridge &) = delete;
};

} // namespace

TEST_CASE("the operator's own bridge is used as it is", "[root]") {
    HostFixture host;
    const OwnBridge bridge("10.99.0.7/24");
    Settings settings;
    settings.bridge = "br9";
    host.open(settings);
    CHECK(host.warnings.empty());
    const Sandbox one = host.start('1');
    CHECK(one.endpoints[0].v4->text() == "10.99.0.1/24");
    CHECK(one.endpoints[0].gateway_v4->text() == "10.99.0.7");
    const Server outside(host.outside(), Protocol::kTcp, "192.0.2.2", 80);
    CHECK(ask_from(host.container('1'), Protocol::kTcp, "192.0.2.2", 80) == "192.0.2.1");
}

TEST_CASE("of the operator's own bridge a part can be for containers, and its subnet stays its own", "[root]") {
    HostFixture host;
    host.open();
    const std::string before = must(host.networks().find("bridge")).pools[0].subnet.text();
    host.close();
    const OwnBridge bridge("10.99.0.7/24");
    Settings settings;
    settings.bridge = "br9";
    settings.fixed_cidr = "10.99.0.64/26";
    for (int round = 0; round < 2; round++) {
        host.open(settings);
        CHECK(host.warnings.empty());
        CHECK(host.start('1').endpoints[0].v4->text() == "10.99.0.64/24");
        host.networks().release(HostFixture::id('1'));
        host.close();
    }
    host.open(); // the engine's own again, beside it
    CHECK(host.warnings.empty());
    CHECK(must(host.networks().find("bridge")).pools[0].subnet.text() == before);
    CHECK(output_in(HostFixture::host(), {"ip", "addr", "show", "br9"}).contains("inet 10.99.0.7/24"));
}

TEST_CASE("a network on a bridge that is there has its subnet, and leaves it as it was", "[root]") {
    HostFixture host;
    host.open();
    const OwnBridge bridge("10.99.0.7/24");
    const NetworkRequest request{.name = "net",
                                 .options = {{kBridgeName, "br9"}},
                                 .pools = {{.subnet = "10.99.0.0/24", .gateway = "10.99.0.7"}}};
    NetworkRequest elsewhere = request;
    elsewhere.options.clear();
    CHECK(error_of(host.networks().create(elsewhere)).message.contains("the host's route by br9"));
    must(host.networks().create(request));
    CHECK(host.start('1', {{.network = "net"}}).endpoints[0].v4->text() == "10.99.0.1/24");
    host.networks().release(HostFixture::id('1'));
    must(host.networks().remove("net"));
    CHECK(output_in(HostFixture::host(), {"ip", "addr", "show", "br9"}).contains("inet 10.99.0.7/24"));
}

} // namespace ballast::network_tests
