// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/engine/engine_fixture.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "runtime/network/namespace.h"

namespace ballast::engine_tests {
namespace {

engine::CreateRequest on_network(const EngineFixture &fixture, const std::string &name, const std::string &network) {
    engine::CreateRequest request = fixture.request({"wait"}, name);
    request.host.network_mode = network;
    return request;
}

std::string started(EngineFixture &fixture, engine::CreateRequest request) {
    const std::string id = must(fixture.engine().create(std::move(request))).id;
    must(fixture.engine().start(id));
    return id;
}

network::Endpoint endpoint_of(EngineFixture &fixture, const std::string &container, const std::string &network) {
    const engine::Snapshot data = must(fixture.engine().inspect(container));
    REQUIRE(data.sandbox.has_value());
    const auto found = std::ranges::find(data.sandbox->endpoints, network, &network::Endpoint::network);
    REQUIRE(found != data.sandbox->endpoints.end());
    return *found;
}

bool comes_to_run(EngineFixture &fixture, const std::string &container) {
    using namespace std::chrono_literals;
    for (const auto end = std::chrono::steady_clock::now() + 30s; std::chrono::steady_clock::now() < end;) {
        if (must(fixture.engine().inspect(container)).state.running()) {
            return true;
        }
        std::this_thread::sleep_for(20ms);
    }
    return false;
}

} // namespace

TEST_CASE("a container that says nothing is on the default bridge, with Docker's sysctls and its own", "[root]") {
    EngineFixture fixture;
    engine::CreateRequest request = on_network(fixture, "web", "default");
    request.host.sysctls["net.ipv4.ip_default_ttl"] = "33";
    const std::string id = started(fixture, std::move(request));
    CHECK(endpoint_of(fixture, id, "bridge").v4->text() == "172.17.0.2/16");
    const fs::path place = must(fixture.engine().inspect(id)).network_sandbox_key;
    must(network::in_namespace(place, [](BorrowedFd) -> Status {
        CHECK(must(network::read_network_sysctl("ipv4/ip_unprivileged_port_start")) == "0");
        CHECK(must(network::read_network_sysctl("ipv4/ip_default_ttl")) == "33");
        return {};
    }));
    CHECK(fixture.output(id).empty());
    must(fixture.engine().remove("web", {.force = true}));
    CHECK_FALSE(fs::exists(place));
    CHECK(fixture.run({"exit", "3"}) == 3);
}

TEST_CASE("networks and ports of a running container are the same after the engine was killed", "[root]") {
    EngineFixture fixture;
    must(fixture.engine().create_network({.name = "front"}));
    engine::CreateRequest request = on_network(fixture, "web", "front");
    request.host.port_bindings["80/tcp"] = {{.host_ip = "", .host_port = "8080"}};
    const std::string id = started(fixture, std::move(request));
    const network::Sandbox before = *must(fixture.engine().inspect(id)).sandbox;
    fixture.close();
    fixture.open();
    CHECK(fixture.engine().warnings().empty());
    const network::Sandbox after = *must(fixture.engine().inspect(id)).sandbox;
    CHECK(after.endpoints[0].v4 == before.endpoints[0].v4);
    CHECK(after.ports == before.ports);
    engine::CreateRequest second = on_network(fixture, "second", "default");
    second.host.port_bindings["80/tcp"] = {{.host_ip = "", .host_port = "8080"}};
    const std::string other = must(fixture.engine().create(second)).id;
    const std::string refused = error_of(fixture.engine().start(other)).message;
    CHECK(refused.starts_with("driver failed programming external connectivity on endpoint second"));
    CHECK(refused.contains("0.0.0.0:8080 failed: port is already allocated"));
    must(fixture.engine().stop(id, "", 1));
    must(fixture.engine().start(other));
    CHECK(error_of(fixture.engine().remove_network("bridge")).code == EPERM);
    must(fixture.engine().remove_network("front"));
    CHECK(error_of(fixture.engine().start(id)).message == "network front not found");
}

TEST_CASE("containers are connected and disconnected while they run and while they do not", "[root]") {
    EngineFixture fixture;
    must(fixture.engine().create_network({.name = "front"}));
    must(fixture.engine().create_network({.name = "back", .pools = {{.subnet = "10.5.0.0/24"}}}));
    const std::string id = started(fixture, on_network(fixture, "web", "front"));
    engine::EndpointRequest fixed;
    fixed.ipv4_address = "10.5.0.7";
    must(fixture.engine().connect_network("back", "web", fixed));
    CHECK(endpoint_of(fixture, id, "back").v4->text() == "10.5.0.7/24");
    CHECK(must(fixture.engine().inspect_network("back")).members.size() == 1);
    CHECK(error_of(fixture.engine().remove_network("back")).code == EBUSY);
    must(fixture.engine().disconnect_network("front", "web", false));
    must(fixture.engine().restart(id, "", 1));
    CHECK(must(fixture.engine().inspect(id)).sandbox->endpoints.size() == 1);
    CHECK(endpoint_of(fixture, id, "back").v4->text() == "10.5.0.7/24");
    must(fixture.engine().stop(id, "", 1));
    must(fixture.engine().connect_network("front", "web", {}));
    must(fixture.engine().start(id));
    CHECK(must(fixture.engine().inspect(id)).sandbox->endpoints.size() == 2);
    const engine::Pruned pruned = must(fixture.engine().prune_networks({}));
    CHECK(pruned.removed.empty()); // a container names them both
    must(fixture.engine().remove(id, {.force = true}));
    CHECK(must(fixture.engine().prune_networks({})).removed.size() == 2);
    const std::string none = fixture.start({"wait"}, "alone");
    CHECK(error_of(fixture.engine().connect_network("bridge", none, {})).code == EPERM);
}

TEST_CASE("after a boot a container waits for those that it has a link to, or whose network it joins", "[root]") {
    EngineFixture fixture;
    const auto always = [&fixture](const std::string &name, const std::string &network) {
        engine::CreateRequest request = on_network(fixture, name, network);
        request.host.restart_policy.kind = engine::RestartPolicy::Kind::kAlways;
        return request;
    };
    std::vector<std::string> ids = {started(fixture, always("db", "default"))};
    engine::CreateRequest linked = always("web", "default");
    linked.host.links = {"db:store"};
    ids.push_back(started(fixture, std::move(linked)));
    ids.push_back(started(fixture, always("side", "container:db")));
    CHECK(must(fixture.engine().inspect("web")).host.links == engine::Texts{"/db:/web/store"});
    for (const std::string &id : ids) {
        must(fixture.engine().stop(id, "", 0));
    }
    const std::string refused = error_of(fixture.engine().start("web")).message;
    CHECK(refused == "Cannot link to a non running container: /db AS /web/store");
    fixture.close();
    fixture.open();
    fixture.engine().start_restarting();
    for (const std::string &id : ids) {
        CHECK(comes_to_run(fixture, id));
    }
    must(fixture.engine().rename("db", "other"));
    CHECK(must(fixture.engine().inspect("web")).host.links == engine::Texts{"/other:/web/store"});
}

TEST_CASE("connecting and leaving while a container starts and stops leaves nothing behind", "[root]") {
    EngineFixture fixture;
    must(fixture.engine().create_network({.name = "front"}));
    must(fixture.engine().create_network({.name = "back"}));
    const std::string id = must(fixture.engine().create(on_network(fixture, "web", "front"))).id;
    {
        const std::jthread other([&fixture, &id] {
            for (int round = 0; round < 20; round++) {
                (void)fixture.engine().connect_network("back", id, {});
                (void)fixture.engine().disconnect_network("back", id, false);
            }
        });
        for (int round = 0; round < 5; round++) {
            (void)must(fixture.engine().start(id));
            (void)must(fixture.engine().stop(id, "SIGKILL", 1));
        }
    }
    must(fixture.engine().remove(id, {.force = true}));
    must(fixture.engine().remove_network("back"));
    must(fixture.engine().remove_network("front"));
    CHECK(fs::is_empty(fixture.root() / "run" / "netns"));
}

} // namespace ballast::engine_tests
