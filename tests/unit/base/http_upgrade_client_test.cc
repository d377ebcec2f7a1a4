// SPDX-License-Identifier: Apache-2.0
#include "base/http/upgrade_client.h"

#include <array>
#include <sys/socket.h>

#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::http;
using namespace std::chrono_literals;

namespace {

Result<Upgraded> ask(const tests::ScriptedServer &server, std::chrono::milliseconds patience = 20s) {
    return ask_upgrade(must(parse_url(server.url("/exec/x?a=b"))), "POST",
                       {{"Upgrade", "SPDY/3.1"}, {"X-Stream-Protocol-Version", "v4.channel.k8s.io"}}, patience);
}

} // namespace

TEST_CASE("a connection changes its protocol, and nothing that was said is lost", "[http]") {
    tests::ScriptedServer server([](tests::Turn &turn) {
        turn.send("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\nahead");
        turn.hang_up();
    });
    const Upgraded answer = must(ask(server));
    REQUIRE(answer.switched());
    REQUIRE(answer.headers.back() == std::pair<std::string, std::string>("Upgrade", "SPDY/3.1"));
    std::string said = answer.connection.read_ahead;
    std::array<char, 16> piece{};
    while (said.size() < 5) {
        const ssize_t count = ::recv(answer.connection.socket.get(), piece.data(), piece.size(), 0);
        REQUIRE(count > 0);
        said.append(piece.data(), static_cast<std::size_t>(count));
    }
    REQUIRE(said == "ahead");
    const tests::SeenRequest seen = server.seen().front();
    REQUIRE(seen.method == "POST");
    REQUIRE(seen.target == "/exec/x?a=b");
    REQUIRE(seen.header("Connection") == "Upgrade");
    REQUIRE(seen.header("X-Stream-Protocol-Version") == "v4.channel.k8s.io");
}

TEST_CASE("a server that refuses says why", "[http]") {
    tests::ScriptedServer server([](tests::Turn &turn) { turn.respond(404, "no stream waits here\n"); });
    const Upgraded answer = must(ask(server));
    REQUIRE(answer.status == 404);
    REQUIRE_FALSE(answer.switched());
    REQUIRE(answer.body == "no stream waits here\n");
}

TEST_CASE("what is no answer to an upgrade is an error", "[http]") {
    tests::ScriptedServer odd([](tests::Turn &turn) {
        turn.send("SSH-2.0-x\r\n\r\n");
        turn.hang_up();
    });
    CHECK(error_of(ask(odd)).code == EPROTO);
    tests::ScriptedServer still([](tests::Turn &turn) { turn.stall(); });
    CHECK(error_of(ask(still, 50ms)).code == ETIMEDOUT);
    tests::ScriptedServer long_winded([](tests::Turn &turn) { turn.respond(500, std::string(1UL << 20, 'x')); });
    CHECK(error_of(ask(long_winded)).code == EFBIG);
    CHECK(error_of(ask_upgrade({.host = "127.0.0.1"}, "GET", {}, 1s)).code == ENOTSUP);
    CHECK(error_of(ask_upgrade({.scheme = "http", .host = "elsewhere"}, "GET", {}, 1s)).code == EINVAL);
}
