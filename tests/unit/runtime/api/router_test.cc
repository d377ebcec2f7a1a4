// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/router.h"

#include <nlohmann/json.hpp>
#include <set>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::api;

TEST_CASE("a pattern fits with a name in its place", "[api]") {
    REQUIRE(match("/info", "/info") == "");
    REQUIRE_FALSE(match("/info", "/info/"));
    REQUIRE(match("/containers/{id}/json", "/containers/web/json") == "web");
    REQUIRE_FALSE(match("/containers/{id}/json", "/containers//json"));
    REQUIRE_FALSE(match("/containers/{id}/json", "/containers/json"));
    REQUIRE_FALSE(match("/containers/{id}/json", "/containers/a/b/json"));
    REQUIRE(match("/images/{name*}/json", "/images/reg:5000/a/b:1/json") == "reg:5000/a/b:1");
    REQUIRE(match("/images/{name*}", "/images/a/b") == "a/b");
    REQUIRE_FALSE(match("/images/{name*}", "/images/"));
}

TEST_CASE("fixed words win over names", "[api]") {
    const Found list = find_route("GET", "/containers/json");
    const Found inspect = find_route("GET", "/containers/json/json");
    REQUIRE(list.handler != nullptr);
    REQUIRE(inspect.handler != nullptr);
    REQUIRE(list.handler != inspect.handler);
    REQUIRE(inspect.name == "json");
    REQUIRE(find_route("GET", "/images/json").name.empty());
    REQUIRE(find_route("GET", "/images/get").name.empty());
    REQUIRE(find_route("GET", "/images/a/get").name == "a");
    REQUIRE(find_route("POST", "/images/create").name.empty());
    REQUIRE(find_route("POST", "/containers/prune").name.empty());
}

TEST_CASE("the method is part of a route", "[api]") {
    REQUIRE(find_route("HEAD", "/_ping").handler != nullptr);
    REQUIRE(find_route("POST", "/_ping").handler == nullptr);
    REQUIRE(find_route("HEAD", "/containers/x/archive").handler != find_route("GET", "/containers/x/archive").handler);
    REQUIRE(find_route("DELETE", "/containers/x").handler != nullptr);
    REQUIRE(find_route("GET", "/nothing").handler == nullptr);
}

TEST_CASE("every endpoint that docker client 26 calls has an answer", "[api]") {
    // Method and path, from the client's own package (moby/client, 26.1), with "x" in each name's place.
    static constexpr std::pair<const char *, const char *> kCalled[] = {
        {"POST", "/build"},
        {"POST", "/build/cancel"},
        {"POST", "/build/prune"},
        {"GET", "/containers/x/checkpoints"},
        {"POST", "/containers/x/checkpoints"},
        {"DELETE", "/containers/x/checkpoints/y"},
        {"GET", "/configs"},
        {"POST", "/configs/create"},
        {"GET", "/configs/x"},
        {"DELETE", "/configs/x"},
        {"POST", "/configs/x/update"},
        {"POST", "/containers/x/attach"},
        {"POST", "/commit"},
        {"HEAD", "/containers/x/archive"},
        {"PUT", "/containers/x/archive"},
        {"GET", "/containers/x/archive"},
        {"POST", "/containers/create"},
        {"GET", "/containers/x/changes"},
        {"POST", "/containers/x/exec"},
        {"POST", "/exec/x/start"},
        {"GET", "/exec/x/json"},
        {"POST", "/exec/x/resize"},
        {"GET", "/containers/x/export"},
        {"GET", "/containers/x/json"},
        {"POST", "/containers/x/kill"},
        {"GET", "/containers/json"},
        {"GET", "/containers/x/logs"},
        {"POST", "/containers/x/pause"},
        {"POST", "/containers/prune"},
        {"DELETE", "/containers/x"},
        {"POST", "/containers/x/rename"},
        {"POST", "/containers/x/resize"},
        {"POST", "/containers/x/restart"},
        {"POST", "/containers/x/start"},
        {"GET", "/containers/x/stats"},
        {"POST", "/containers/x/stop"},
        {"GET", "/containers/x/top"},
        {"POST", "/containers/x/unpause"},
        {"POST", "/containers/x/update"},
        {"POST", "/containers/x/wait"},
        {"GET", "/system/df"},
        {"GET", "/distribution/a/b/json"},
        {"GET", "/events"},
        {"POST", "/images/create"},
        {"GET", "/images/a/b/history"},
        {"GET", "/images/a/b/json"},
        {"GET", "/images/json"},
        {"POST", "/images/load"},
        {"POST", "/images/prune"},
        {"POST", "/images/a/b/push"},
        {"DELETE", "/images/a/b"},
        {"GET", "/images/get"},
        {"GET", "/images/search"},
        {"POST", "/images/a/b/tag"},
        {"GET", "/info"},
        {"POST", "/auth"},
        {"POST", "/networks/x/connect"},
        {"POST", "/networks/create"},
        {"POST", "/networks/x/disconnect"},
        {"GET", "/networks/x"},
        {"GET", "/networks"},
        {"POST", "/networks/prune"},
        {"DELETE", "/networks/x"},
        {"GET", "/nodes"},
        {"GET", "/nodes/x"},
        {"DELETE", "/nodes/x"},
        {"POST", "/nodes/x/update"},
        {"HEAD", "/_ping"},
        {"GET", "/_ping"},
        {"GET", "/plugins"},
        {"POST", "/plugins/create"},
        {"POST", "/plugins/x/disable"},
        {"GET", "/plugins/x/json"},
        {"GET", "/plugins/privileges"},
        {"POST", "/plugins/pull"},
        {"GET", "/secrets"},
        {"POST", "/secrets/create"},
        {"GET", "/services"},
        {"POST", "/services/create"},
        {"GET", "/services/x/logs"},
        {"POST", "/session"},
        {"GET", "/swarm"},
        {"POST", "/swarm/init"},
        {"POST", "/swarm/join"},
        {"POST", "/swarm/leave"},
        {"GET", "/swarm/unlockkey"},
        {"GET", "/tasks"},
        {"GET", "/tasks/x"},
        {"GET", "/version"},
        {"POST", "/volumes/create"},
        {"GET", "/volumes/x"},
        {"GET", "/volumes"},
        {"POST", "/volumes/prune"},
        {"DELETE", "/volumes/x"},
        {"PUT", "/volumes/x"},
    };
    for (const auto &[method, path] : kCalled) {
        CAPTURE(method, path);
        REQUIRE(find_route(method, path).handler != nullptr);
    }
}

TEST_CASE("codes of errors become the statuses that clients know", "[api]") {
    REQUIRE(status_of(EINVAL) == 400);
    REQUIRE(status_of(EACCES) == 401);
    REQUIRE(status_of(EPERM) == 403);
    REQUIRE(status_of(ENOENT) == 404);
    REQUIRE(status_of(EBUSY) == 409);
    REQUIRE(status_of(EEXIST) == 409);
    REQUIRE(status_of(EFBIG) == 413);
    REQUIRE(status_of(ENOTSUP) == 501);
    REQUIRE(status_of(EIO) == 500);
    REQUIRE(error_body("no\n\"such\" \xff") == "{\"message\":\"no\\n\\\"such\\\" \xEF\xBF\xBD\"}\n");
}

TEST_CASE("filters come as lists or as objects", "[api]") {
    REQUIRE(must(parse_filters("")).empty());
    const engine::Filters lists = must(parse_filters(R"({"label":["a=b","c"],"status":["exited"]})"));
    REQUIRE(lists.at("label") == std::vector<std::string>{"a=b", "c"});
    const engine::Filters objects = must(parse_filters(R"({"label":{"a=b":true,"c":true,"d":false}})"));
    REQUIRE(objects.at("label") == std::vector<std::string>{"a=b", "c"});
    for (const char *text :
         {"[]", "x", R"({"label":"a"})", R"({"label":[1]})", R"({"label":{"a":1}})", "7", R"({"a":["b"],"a":["c"]})"}) {
        CAPTURE(text);
        REQUIRE(error_of(parse_filters(text)).code == EINVAL);
    }
    REQUIRE(error_of(check_filters(lists, {"label"})).message == "invalid filter 'status'");
    must(check_filters(lists, {"status", "label"}));
}
