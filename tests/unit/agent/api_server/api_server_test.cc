// SPDX-License-Identifier: Apache-2.0
#include "agent/api_server/api_server.h"

#include "base/base64.h"
#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

ApiAccess access_of(const tests::ScriptedServer &server, const std::string &prefix = "/") {
    return {.server = must(http::parse_url(server.url(prefix)))};
}

std::string refusal(const std::string &message) { return R"({"kind":"Status","message":")" + message + R"("})"; }

} // namespace

TEST_CASE("the API server is asked in JSON, as whoever the credentials say", "[agent]") {
    tests::ScriptedServer server([](tests::Turn &turn) { turn.respond(200, R"({"metadata":{"name":"x"}})"); });
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "token", "first\n"));
    ApiAccess access = access_of(server, "/k8s/");
    access.token_file = directory.path() / "token";
    ApiServer api(access);
    REQUIRE(name_of(must(api.get("/api/v1/nodes/x"))) == "x");
    must(write_file(directory.path() / "token", "second"));
    must(api.patch("/api/v1/nodes/x", {{"a", 1}}, Patch::kStrategic));
    access.token_file.clear();
    access.user = "me";
    access.password = "word";
    api.set_access(access);
    must(api.create("/api/v1/nodes", {{"b", "\xff"}}));
    const auto seen = server.seen();
    REQUIRE(seen.at(0).target == "/k8s/api/v1/nodes/x");
    REQUIRE(seen.at(0).header("Authorization") == "Bearer first");
    REQUIRE(seen.at(1).header("Authorization") == "Bearer second");
    REQUIRE(seen.at(1).method == "PATCH");
    REQUIRE(seen.at(1).header("Content-Type") == "application/strategic-merge-patch+json");
    REQUIRE(seen.at(1).body == R"({"a":1})");
    REQUIRE(seen.at(2).header("Authorization") == "Basic " + base64("me:word"));
    REQUIRE(seen.at(2).body == "{\"b\":\"\xef\xbf\xbd\"}");
}

TEST_CASE("what the API server refuses is an error in its own words", "[agent]") {
    const std::pair<int, int> codes[] = {{400, EINVAL}, {401, EACCES}, {403, EPERM},  {404, ENOENT}, {409, EEXIST},
                                         {410, ESTALE}, {422, EINVAL}, {429, EAGAIN}, {500, EAGAIN}, {504, EAGAIN}};
    for (const auto &[status, code] : codes) {
        tests::ScriptedServer server([&](tests::Turn &turn) { turn.respond(status, refusal("no such luck")); });
        ApiServer api(access_of(server));
        const Error error = error_of(api.get("/x"));
        CHECK(error.code == code);
        CHECK(error.message == "the API server: no such luck");
        CHECK(error_of(api.follow("/x", std::chrono::seconds(9), [](auto) { return Status(); }, {})).code == code);
    }
    tests::ScriptedServer odd(
        [](tests::Turn &turn) { turn.respond(turn.request.target == "/502" ? 502 : 200, "<html>\n"); });
    ApiServer api(access_of(odd));
    REQUIRE(error_of(api.get("/502")).message == R"(the API server: status 502 "<html>\n")");
    REQUIRE(error_of(api.get("/200")).code == EAGAIN);
}
