// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>

#include "tests/integration/engine/engine_fixture.h"
#include "tests/integration/network/dns_fixture.h"

// What the programs of containers get from the resolver at 127.0.0.11.
namespace ballast::engine_tests {
namespace {

using namespace dns::testing;

constexpr const char *kOutside = "0 192.0.2.1"; // what the world's name server says to everything
constexpr unsigned kIpv6 = 28;

std::string started(EngineFixture &fixture, const std::string &name, const std::string &network,
                    const engine::Texts &aliases = {}) {
    engine::CreateRequest request = fixture.request({"wait"}, name);
    request.host.network_mode = network;
    request.host.dns = {"127.0.0.53"};
    if (!aliases.empty()) {
        request.networking[network].aliases = aliases;
    }
    const std::string id = must(fixture.engine().create(std::move(request))).id;
    must(fixture.engine().start(id));
    return id;
}

std::string address_of(EngineFixture &fixture, const std::string &container) {
    return must(fixture.engine().inspect(container)).sandbox.value().endpoints.front().v4.value().address.text();
}

Fd place_of(EngineFixture &fixture, const std::string &container) {
    const std::string file = must(fixture.engine().inspect(container)).network_sandbox_key;
    Fd place(open(file.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(place.is_open());
    return place;
}

// An engine with the network "front", and the world's name server.
struct World {
    EngineFixture fixture;
    bool up = loopback_up();
    NameServerThread server{"127.0.0.53",
                            [](const auto &asked) { return std::optional(addressed(asked.message, "192.0.2.1")); }};

    explicit World(bool keeps = false) : fixture(keeps) { must(fixture.engine().create_network({.name = "front"})); }
};

} // namespace

TEST_CASE("containers on a network find each other by name, alias and short id, and the world", "[root]") {
    World world;
    EngineFixture &fixture = world.fixture;
    const std::string web = started(fixture, "web", "front", {"www"});
    const std::string asker = started(fixture, "asker", "front");
    const std::string found = "0 " + address_of(fixture, web);
    const Fd place = place_of(fixture, asker);
    for (const int type : {SOCK_DGRAM, SOCK_STREAM}) {
        const Fd socket = client_in(place, type);
        for (const std::string &name : {std::string("web"), std::string("www"), web.substr(0, 12),
                                        std::string("web.front"), std::string("WEB")}) {
            CHECK(ask(socket, name) == found);
        }
        CHECK(ask(socket, "web", kIpv6) == "0");
        CHECK(ask(socket, "asker") == "0 " + address_of(fixture, asker));
        CHECK(ask(socket, "example.org") == kOutside);
    }
    CHECK(world.server.count() == 2);
    const std::string conf = must(read_file(must(fixture.engine().inspect(asker)).resolv_conf_path));
    CHECK(conf.starts_with("nameserver 127.0.0.11\n"));
    must(fixture.engine().rename("web", "site"));
    const Fd socket = client_in(place, SOCK_DGRAM);
    CHECK(ask(socket, "site") == found);
    CHECK(ask(socket, "web") == kOutside);
}

TEST_CASE("the engine's own name servers are asked for who names none, from its next start on", "[root]") {
    World world;
    EngineFixture &fixture = world.fixture;
    engine::Settings settings = fixture.engine().settings();
    settings.dns = {"127.0.0.53"};
    settings.dns_search = {"inner.example"};
    settings.dns_options = {"ndots:1"};
    engine::CreateRequest request = fixture.request({"wait"}, "plain");
    request.host.network_mode = "front";
    const std::string plain = must(fixture.engine().create(std::move(request))).id;
    fixture.engine().reload(settings);
    must(fixture.engine().start(plain));
    CHECK(ask(client_in(place_of(fixture, plain), SOCK_DGRAM), "example.org") == kOutside);
    const engine::Snapshot data = must(fixture.engine().inspect(plain));
    CHECK(must(read_file(data.resolv_conf_path)) == "nameserver 127.0.0.11\nsearch inner.example\noptions ndots:1\n");
    CHECK(data.host.dns.empty()); // what clients see is the user's
}

TEST_CASE("a name goes with its container, and with the networks that it leaves", "[root]") {
    World world;
    EngineFixture &fixture = world.fixture;
    must(fixture.engine().create_network({.name = "back"}));
    const std::string web = started(fixture, "web", "front");
    const Fd front = client_in(place_of(fixture, started(fixture, "near", "front")), SOCK_DGRAM);
    const Fd back = client_in(place_of(fixture, started(fixture, "far", "back")), SOCK_DGRAM);
    const std::string first = "0 " + address_of(fixture, web);
    CHECK(ask(front, "web") == first);
    CHECK(ask(back, "web") == kOutside);
    engine::EndpointRequest request;
    request.aliases = {"store"};
    must(fixture.engine().connect_network("back", "web", request));
    CHECK(ask(front, "web") == first);
    CHECK(ask(front, "store") == kOutside);
    const std::string second = ask(back, "store");
    CHECK(second.starts_with("0 "));
    CHECK(second != kOutside);
    CHECK(ask(back, "web") == second);
    const Fd own = client_in(place_of(fixture, web), SOCK_DGRAM);
    CHECK(ask(own, "far").starts_with("0 172."));
    must(fixture.engine().disconnect_network("front", "web", false));
    CHECK(ask(front, "web") == kOutside);
    CHECK(ask(own, "near") == kOutside);
    CHECK(ask(back, "web") == second);
    must(fixture.engine().stop(web, "SIGKILL", 1));
    CHECK(ask(back, "web") == kOutside);
    CHECK(ask(back, "store") == kOutside);
    must(fixture.engine().start(web));
    CHECK(ask(back, "store") == "0 " + address_of(fixture, web));
}

TEST_CASE("names are there again when the engine is, and what was asked meanwhile is answered", "[root]") {
    for (const bool keeps : {false, true}) {
        World world(keeps);
        EngineFixture &fixture = world.fixture;
        const std::string web = started(fixture, "web", "front", {"www"});
        const std::string gone = started(fixture, "gone", "front");
        const std::string asker = started(fixture, "asker", "front");
        const std::string found = "0 " + address_of(fixture, web);
        const Fd place = place_of(fixture, asker);
        // From a container that has left all networks where names are, too.
        must(fixture.engine().connect_network("bridge", "gone", {}));
        must(fixture.engine().disconnect_network("front", "gone", false));
        const Fd left = client_in(place_of(fixture, gone), SOCK_DGRAM);
        const Fd waiting = client_in(place, SOCK_DGRAM);
        CHECK(ask(waiting, "www") == found);
        fixture.close();
        if (keeps) {
            send_query(waiting, query(7, "www"));
        }
        fixture.open();
        CHECK(fixture.engine().warnings().empty());
        if (keeps) {
            CHECK(shown(receive(waiting)) == found);
            CHECK(ask(left, "web") == kOutside);
        }
        const Fd again = client_in(place, SOCK_STREAM);
        CHECK(ask(again, "web") == found);
        CHECK(ask(again, "gone") == kOutside);
        must(fixture.engine().remove(web, {.force = true}));
        CHECK(ask(again, "web") == kOutside);
        must(fixture.engine().remove(gone, {.force = true}));
        must(fixture.engine().remove(asker, {.force = true}));
        CHECK(fixture.kept() == 0);
    }
}

TEST_CASE("on the default bridge nobody has a name, and nobody is asked there", "[root]") {
    World world;
    EngineFixture &fixture = world.fixture;
    const std::string web = started(fixture, "web", "default");
    const std::string near = started(fixture, "near", "front");
    CHECK(ask(client_in(place_of(fixture, web), SOCK_DGRAM), "web") == "silence");
    CHECK(ask(client_in(place_of(fixture, near), SOCK_DGRAM), "web") == kOutside);
    CHECK_FALSE(must(read_file(must(fixture.engine().inspect(web)).resolv_conf_path)).contains("127.0.0.11"));
    must(fixture.engine().connect_network("bridge", "near", {}));
    CHECK(ask(client_in(place_of(fixture, near), SOCK_DGRAM), "web") == kOutside);
}

TEST_CASE("on an internal network nothing is asked outside", "[root]") {
    World world;
    EngineFixture &fixture = world.fixture;
    must(fixture.engine().create_network({.name = "closed", .internal = true}));
    const std::string web = started(fixture, "web", "closed");
    const Fd socket = client_in(place_of(fixture, started(fixture, "asker", "closed")), SOCK_DGRAM);
    CHECK(ask(socket, "web") == "0 " + address_of(fixture, web));
    CHECK_FALSE(ask(socket, "example.org").starts_with("0"));
    CHECK(world.server.count() == 0);
}

} // namespace ballast::engine_tests
