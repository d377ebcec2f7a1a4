// SPDX-License-Identifier: Apache-2.0
// SIGKILL between any two steps of joining and leaving a network: container, endpoint and kernel agree afterwards.
#include <algorithm>
#include <set>

#include "tests/integration/engine/engine_fixture.h"
#include "tests/integration/network/host_fixture.h"
#include "tests/integration/network/killed_step.h"

namespace ballast::engine_tests {
namespace {

using network_tests::HostFixture;
using network_tests::output_in;
using Names = std::set<std::string>;

// A container on "front", whose published port and default route "alpha" takes over when it joins that.
struct World {
    EngineFixture fixture;
    std::string id;
    network::Endpoint front;

    World() {
        for (const char *name : {"alpha", "front"}) {
            must(fixture.engine().create_network({.name = name}));
        }
        engine::CreateRequest request = fixture.request({"wait"}, "web");
        request.host.network_mode = "front";
        request.host.port_bindings["80/tcp"] = {{.host_ip = "", .host_port = "8080"}};
        id = must(fixture.engine().create(std::move(request))).id;
        must(fixture.engine().start(id));
        front = sandbox().endpoints.at(0);
    }
    network::Sandbox sandbox() { return *must(fixture.engine().inspect(id)).sandbox; }
    Names of_record() {
        Names names;
        for (const auto &[name, request] : must(fixture.engine().inspect(id)).networking) {
            names.insert(name);
        }
        return names;
    }
    // True: it was killed.
    bool kill_at(int step, const std::function<Status()> &work) {
        fixture.close();
        const Result<bool> killed = testing::killed_at(
            step,
            [this]() -> Status {
                fixture.open();
                return {};
            },
            work);
        fixture.open();
        return must(killed);
    }
    void check() {
        CHECK(fixture.warnings().empty());
        const network::Sandbox now = sandbox();
        Names of_endpoints;
        const network::Endpoint *leads_out = nullptr;
        const std::string inside = output_in(place(), {"ip", "-br", "addr"});
        const std::string outside = output_in(HostFixture::host(), {"ip", "-br", "link", "show", "type", "veth"});
        for (const network::Endpoint &endpoint : now.endpoints) {
            of_endpoints.insert(endpoint.network);
            leads_out = leads_out == nullptr || endpoint.network == "alpha" ? &endpoint : leads_out;
            CHECK(inside.contains(endpoint.v4->text()));
            CHECK(outside.contains(endpoint.host_interface));
        }
        CHECK(of_endpoints == of_record());
        CHECK(now.endpoints.at(0).v4 == front.v4);
        CHECK(std::ranges::count(inside, '\n') == static_cast<long>(now.endpoints.size()) + 1); // and loopback
        CHECK(std::ranges::count(outside, '\n') == static_cast<long>(now.endpoints.size()));
        REQUIRE(leads_out != nullptr);
        CHECK(output_in(place(), {"ip", "route", "show", "default"}).contains("via " + leads_out->gateway_v4->text()));
        CHECK(output_in(HostFixture::host(), {"nft", "list", "map", "inet", "ballast", "published_any4"})
                  .contains("tcp . 8080 : " + leads_out->v4->address.text() + " . 80"));
        for (const fs::directory_entry &entry : fs::directory_iterator(fixture.root() / "run" / "network")) {
            CHECK_FALSE(entry.path().filename().string().starts_with(".ballast"));
        }
    }
    fs::path place() { return must(fixture.engine().inspect(id)).network_sandbox_key; }
    // Nobody else has its addresses.
    void check_end() {
        must(fixture.engine().remove(id, {.force = true}));
        must(fixture.engine().remove_network("alpha"));
        must(fixture.engine().remove_network("front"));
    }
};

} // namespace

TEST_CASE("a container has joined a network or has not, between whatever steps the engine is killed", "[root]") {
    World world;
    std::set<Names> outcomes;
    bool killed = true;
    for (int step = 0; killed; step++) {
        CAPTURE(step);
        killed = world.kill_at(step, [&world] { return world.fixture.engine().connect_network("alpha", "web", {}); });
        world.check();
        outcomes.insert(world.of_record());
        if (world.of_record().contains("alpha")) {
            must(world.fixture.engine().disconnect_network("alpha", "web", false));
        }
    }
    CHECK(outcomes == std::set<Names>{{"front"}, {"alpha", "front"}});
    world.check_end();
}

TEST_CASE("a container has left a network or has not, between whatever steps the engine is killed", "[root]") {
    World world;
    std::set<Names> outcomes;
    bool killed = true;
    for (int step = 0; killed; step++) {
        CAPTURE(step);
        if (!world.of_record().contains("alpha")) {
            must(world.fixture.engine().connect_network("alpha", "web", {}));
        }
        killed =
            world.kill_at(step, [&world] { return world.fixture.engine().disconnect_network("alpha", "web", false); });
        world.check();
        outcomes.insert(world.of_record());
    }
    CHECK(outcomes == std::set<Names>{{"front"}, {"alpha", "front"}});
    world.check_end();
}

} // namespace ballast::engine_tests
