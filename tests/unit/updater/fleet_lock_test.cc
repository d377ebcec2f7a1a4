// SPDX-License-Identifier: Apache-2.0
#include "updater/fleet_lock.h"

#include <mutex>
#include <nlohmann/json.hpp>

#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;
using tests::ScriptedServer;
using tests::SeenRequest;
using tests::Turn;

namespace {

FleetLock lock_at(const ScriptedServer &server, std::chrono::seconds timeout = std::chrono::seconds(30)) {
    return {
        {.url = "http://127.0.0.1:" + std::to_string(server.port()), .group = "edge", .timeout = timeout}, {}, "me"};
}

} // namespace

TEST_CASE("the lock is asked for and given back as the protocol says", "[updater]") {
    std::mutex guard;
    std::vector<SeenRequest> seen;
    ScriptedServer server([&](Turn &turn) {
        const std::lock_guard held(guard);
        seen.push_back(turn.request);
        turn.respond(200, "");
    });
    must(lock_at(server).acquire());
    must(lock_at(server).release());
    const std::lock_guard held(guard);
    REQUIRE(seen.size() == 2);
    REQUIRE(seen[0].target == "/v1/pre-reboot");
    REQUIRE(seen[1].target == "/v1/steady-state");
    for (const SeenRequest &request : seen) {
        REQUIRE(request.method == "POST");
        REQUIRE(request.header("fleet-lock-protocol") == "true");
        REQUIRE(nlohmann::json::parse(request.body) ==
                nlohmann::json::parse(R"({"client_params": {"id": "me", "group": "edge"}})"));
    }
}

TEST_CASE("a server that says no is quoted, and cannot steer a terminal", "[updater]") {
    ScriptedServer server(
        [](Turn &turn) { turn.respond(409, R"({"kind": "all_slots_taken", "value": "no slots\u001b[2J left"})"); });
    const Error error = error_of(lock_at(server).acquire());
    REQUIRE(error.code == EAGAIN);
    CAPTURE(error.message);
    REQUIRE(error.message.contains("refuses: \"no slots\\"));
    REQUIRE(error.message.ends_with("[2J left\" (all_slots_taken)"));
    REQUIRE_FALSE(error.message.contains('\033'));
}

TEST_CASE("an answer that is no JSON is told by its status", "[updater]") {
    ScriptedServer server([](Turn &turn) { turn.respond(503, "<html>"); });
    REQUIRE(error_of(lock_at(server).acquire()).message.ends_with("refuses: status 503"));
}

TEST_CASE("a lock server that never answers costs the timeout and no more", "[updater]") {
    ScriptedServer server([](Turn &turn) { turn.stall(); });
    REQUIRE(error_of(lock_at(server, std::chrono::seconds(1)).acquire()).code == ETIMEDOUT);
}

TEST_CASE("a lock server that is away is an error that names it", "[updater]") {
    const FleetLock lock({.url = "http://127.0.0.1:1", .group = "edge", .timeout = std::chrono::seconds(5)}, {}, "me");
    const Error error = error_of(lock.acquire());
    REQUIRE(error.code == ECONNREFUSED);
    REQUIRE(error.message.starts_with("take the reboot lock: POST http://127.0.0.1:1/v1/pre-reboot: "));
}
