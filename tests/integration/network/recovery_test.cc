// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/host_fixture.h"

#include <thread>

#include "base/subprocess.h"

namespace ballast::network_tests {
namespace {

// Until what happens in the background has happened; the test's own time limit ends a wait that is in vain.
void wait_for(const std::function<bool()> &done) {
    while (!done()) {
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
}

std::string ruleset() { return output_in(HostFixture::host(), {"nft", "list", "table", "inet", "ballast"}); }

} // namespace

TEST_CASE("running containers keep addresses, ports and connections when the daemon is killed", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create({.name = "net"}));
    const Sandbox one = host.start('1', {{.network = "net"}, {.network = "bridge"}}, {port_request(80, 8080)});
    host.start('2'); // ends while nobody looks
    const Server server(host.container('1'), Protocol::kTcp, "0.0.0.0", 80);
    const fs::path place = host.container('1');
    host.close();
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2");
    host.open({}, {HostFixture::id('1')});
    CHECK(host.warnings.empty());
    CHECK(host.networks().sandbox(HostFixture::id('1'))->ports == one.ports);
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2");
    CHECK_FALSE(fs::exists(host.container('2')));
    // Its address is taken still, that of the other is free again, and so is its port.
    CHECK(host.start('3').endpoints[0].v4->text() != one.endpoints[1].v4->text());
    CHECK_FALSE(host.networks()
                    .reserve({.container_id = HostFixture::id('4'),
                              .container_name = "c4",
                              .endpoints = {{.network = "bridge"}},
                              .ports = {port_request(80, 8080)}})
                    .has_value());
}

TEST_CASE("what a daemon that was killed in between left is mended or taken away", "[root]") {
    HostFixture host;
    host.open();
    must(host.networks().create({.name = "net"}));
    // Reserved, and killed before anything was made; made, and killed before it was recorded as running.
    must(host.networks().reserve({.container_id = HostFixture::id('1'),
                                  .container_name = "c1",
                                  .endpoints = {{.network = "net"}},
                                  .ports = {port_request(80, 8080)}}));
    const Sandbox made = host.start('2', {{.network = "net"}});
    const Sandbox kept = host.start('3', {{.network = "net"}});
    const std::string bridge = must(host.networks().find("net")).bridge;
    host.close();
    // Somebody takes the bridge, an interface and the table away, and a record does not read.
    output_in(HostFixture::host(), {"ip", "link", "delete", bridge});
    output_in(HostFixture::host(), {"ip", "link", "delete", kept.endpoints[0].host_interface});
    output_in(HostFixture::host(), {"nft", "flush", "ruleset"});
    const std::string broken(64, 'b');
    must(write_file(host.root() / "data" / "networks" / (broken + ".json"), "{\"version\": 1"));
    host.open({}, {HostFixture::id('3')});
    CHECK(host.warnings.size() == 2);
    CHECK(fs::exists(host.root() / "data" / "networks" / (broken + ".json.broken")));
    wait_for([&] {
        return !output_in(HostFixture::host(), {"ip", "-br", "link"}).contains(made.endpoints[0].host_interface);
    });
    CHECK_FALSE(fs::exists(host.container('1')));
    CHECK_FALSE(fs::exists(host.container('2')));
    const Server outside(host.outside(), Protocol::kTcp, "192.0.2.2", 80);
    CHECK(ask_from(host.container('3'), Protocol::kTcp, "192.0.2.2", 80) == "192.0.2.1");
    CHECK(ruleset().contains(bridge));
}

TEST_CASE("a flushed table and a deleted bridge come back by themselves, and containers with them", "[root]") {
    HostFixture host;
    host.open();
    host.start('1', {{.network = "bridge"}}, {port_request(80, 8080)});
    const Server server(host.container('1'), Protocol::kTcp, "172.17.0.2", 80);
    for (const std::vector<std::string> &words : std::vector<std::vector<std::string>>{
             {"nft", "flush", "ruleset"},
             {"nft", "flush", "table", "inet", "ballast"},
             {"nft", "delete", "element", "inet", "ballast", "published_any4", "{ tcp . 8080 }"},
             {"ip", "link", "delete", "ballast0"}}) {
        CAPTURE(words);
        output_in(HostFixture::host(), words);
        wait_for([&] {
            return ruleset().contains("tcp . 8080") && ruleset().contains("masquerade") &&
                   output_in(HostFixture::host(), {"ip", "-br", "addr"}).contains("172.17.0.1/16");
        });
        wait_for([&] { return ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2"; });
    }
    // Others' tables are others' business.
    output_in(HostFixture::host(), {"nft", "add", "table", "ip", "theirs"});
    host.start('2', {{.network = "bridge"}}, {port_request(80, 8081)});
    CHECK(output_in(HostFixture::host(), {"nft", "list", "tables"}).contains("theirs"));
}

TEST_CASE("a container whose interface was taken away is told of, and leaves, joins and ends as others do", "[root]") {
    HostFixture host;
    host.open();
    for (const char *name : {"alpha", "beta"}) {
        must(host.networks().create({.name = name}));
    }
    const Sandbox one = host.start('1', {{.network = "alpha"}}, {port_request(80, 8080)});
    output_in(HostFixture::host(), {"ip", "link", "delete", one.endpoints[0].host_interface});
    const std::string refused =
        error_of(host.networks().connect(HostFixture::id('1'), {.network = "beta"}, {port_request(80, 8080)})).message;
    CHECK(refused.starts_with("interface eth0 of the container in network alpha is gone: disconnect it"));
    CHECK(host.networks().sandbox(HostFixture::id('1'))->endpoints.size() == 1);
    // What the message says helps.
    must(host.networks().disconnect(HostFixture::id('1'), "alpha", {port_request(80, 8080)}));
    must(host.networks().connect(HostFixture::id('1'), {.network = "alpha"}, {port_request(80, 8080)}));
    const Server server(host.container('1'), Protocol::kTcp, "0.0.0.0", 80);
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2");
    // And so does the next start of the daemon.
    output_in(HostFixture::host(),
              {"ip", "link", "delete", host.networks().sandbox(HostFixture::id('1'))->endpoints[0].host_interface});
    host.close();
    host.open({}, {HostFixture::id('1')});
    CHECK(host.warnings.size() == 1);
    CHECK(ask_from(host.outside(), Protocol::kTcp, "192.0.2.1", 8080) == "192.0.2.2");
    host.networks().release(HostFixture::id('1'));
    must(host.networks().remove("alpha"));
}

TEST_CASE("two hundred containers fit on one network", "[root]") {
    HostFixture host;
    host.open();
    std::set<std::string> addresses;
    const auto id = [](int number) {
        const std::string text = std::to_string(number);
        return std::string(64 - text.size(), 'c') + text;
    };
    for (int number = 0; number < 200; number++) {
        const Sandbox one = must(host.networks().reserve(
            {.container_id = id(number), .container_name = "c", .endpoints = {{.network = "bridge"}}}));
        must(host.networks().build(id(number)));
        addresses.insert(one.endpoints[0].v4->text());
    }
    CHECK(addresses.size() == 200);
    for (int number = 0; number < 200; number++) {
        host.networks().release(id(number));
    }
    wait_for(
        [] { return !output_in(HostFixture::host(), {"ip", "-br", "link", "show", "type", "veth"}).contains("veth"); });
    CHECK(host.start('1').endpoints[0].v4->text() == "172.17.0.2/16");
}

} // namespace ballast::network_tests
