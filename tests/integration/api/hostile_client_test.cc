// SPDX-License-Identifier: Apache-2.0
#include <poll.h>
#include <sys/socket.h>

#include "base/http/listener.h"
#include "tests/integration/api/daemon_fixture.h"

using namespace ballast;
using ballast::api_tests::DaemonFixture;

namespace {

std::string request(const std::string &method, const std::string &target, const std::string &body = "",
                    const std::string &type = "application/json") {
    return method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" +
           (body.empty() ? ""
                         : "Content-Type: " + type + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") +
           "\r\n" + body;
}

bool answers_with(const std::string &answer, unsigned status, std::string_view text) {
    CAPTURE(answer, text);
    CHECK(answer.starts_with("HTTP/1.1 " + std::to_string(status) + " "));
    CHECK(answer.contains(text));
    return answer.starts_with("HTTP/1.1 " + std::to_string(status) + " ") && answer.contains(text);
}

} // namespace

TEST_CASE("bad requests are refused with a message, and the engine goes on", "[api][root]") {
    const DaemonFixture fixture;
    REQUIRE(answers_with(fixture.ask(request("GET", "/v1.99/info")), 400, "too new. Maximum supported API version"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/v1.12/info")), 400, "too old. Minimum supported API version"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/v1.45/nothing")), 404, "{\"message\":\"page not found\"}"));
    const std::string create = "/v1.45/containers/create";
    REQUIRE(answers_with(fixture.ask(request("POST", create, "{\"Image\":7}")), 400, "Image: want a text"));
    REQUIRE(answers_with(fixture.ask(request("POST", create, "{\"HostConfig\":{\"Memory\":\"1\"}}")), 400,
                         "HostConfig.Memory"));
    REQUIRE(answers_with(fixture.ask(request("POST", create, "{")), 400, "invalid JSON"));
    REQUIRE(answers_with(fixture.ask(request("POST", create, "[]")), 400, "invalid JSON"));
    REQUIRE(answers_with(fixture.ask(request("POST", create)), 400, "EOF"));
    REQUIRE(answers_with(fixture.ask(request("POST", create, "{}", "text/plain")), 400, "Content-Type"));
    REQUIRE(answers_with(fixture.ask(request("POST", create, std::string(5'000'000, ' '))), 413, "longer than"));
    REQUIRE(answers_with(fixture.ask(request("POST", create, std::string(100'000, '['))), 400, "nested deeper"));
    REQUIRE(answers_with(fixture.ask(request("POST", create, "{\"Image\":\"absent\"}")), 404, "No such image: absent"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/containers/json?filters=%5B%5D")), 400, "invalid filters"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/containers/json?filters=%7B%22x%22%3A%5B%5D%7D")), 400,
                         "invalid filter 'x'"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/containers/..%2f..%2fetc/json")), 404, "message"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/events?since=yesterday")), 400, "invalid time"));
    REQUIRE(answers_with(fixture.ask(request("POST", "/images/create?fromImage=UPPER")), 400, "message"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/images/get")), 400, "names"));
    REQUIRE(answers_with(fixture.ask(request("GET", "/images/get?names=absent")), 404, "No such image"));
    const std::string long_header =
        "GET /_ping HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(200'000, 'x') + "\r\n\r\n";
    REQUIRE(answers_with(fixture.ask(long_header), 431, ""));
    REQUIRE(answers_with(fixture.ask(request("GET", "/_ping")), 200, "OK"));
}

TEST_CASE("ping and versions have the headers that clients negotiate with", "[api][root]") {
    const DaemonFixture fixture;
    for (const char *method : {"GET", "HEAD"}) {
        const std::string answer = fixture.ask(request(method, "/_ping"));
        CAPTURE(answer);
        REQUIRE(answer.contains("\r\nApi-Version: 1.45\r\n"));
        REQUIRE(answer.contains("\r\nDocker-Experimental: false\r\n"));
        REQUIRE(answer.contains("\r\nOstype: linux\r\n"));
        REQUIRE(answer.contains("\r\nBuilder-Version: "));
        REQUIRE(answer.contains("\r\nServer: Ballast/"));
        REQUIRE(answer.contains("\r\nCache-Control: no-cache, no-store, must-revalidate\r\n"));
    }
}

TEST_CASE("clients that send half of something and vanish leave nothing behind", "[api][root]") {
    const DaemonFixture fixture;
    fixture.output_of({"create", "--name", "box", "--network", "none", "inside", "exit", "0"});
    const std::string images = fixture.output_of({"images", "-aq"});
    for (const std::string &half : {
             std::string("GET /_ping HTTP/1.1\r\nHos"),
             std::string("POST /containers/create HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
                         "Content-Length: 100\r\n\r\n{\"Image\":"),
             std::string(
                 "PUT /containers/box/archive?path=/tmp HTTP/1.1\r\nHost: x\r\nContent-Length: 10240\r\n\r\nhalf"),
             std::string("POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf"),
             std::string(
                 "POST /images/create?fromSrc=-&repo=half HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nx"),
             std::string("GET /events HTTP/1.1\r\nHost: x\r\n\r\n"),
             std::string("GET /containers/box/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: x\r\n\r\n"),
             std::string("GET /containers/box/stats HTTP/1.1\r\nHost: x\r\n\r\n"),
             std::string("POST /containers/box/wait?condition=next-exit HTTP/1.1\r\nHost: x\r\n\r\n"),
             std::string("POST /containers/box/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
                         "Upgrade: tcp\r\n\r\n"),
         }) {
        const Fd socket = fixture.connect();
        REQUIRE(::send(socket.get(), half.data(), half.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(half.size()));
    }
    REQUIRE(fixture.output_of({"images", "-aq"}) == images);
    REQUIRE(fixture.output_of({"start", "-a", "box"}).empty());
    REQUIRE(fixture.output_of({"ps", "-aq"}).size() == 12);
    // Every one of those connections ended, and its thread with it.
    const auto threads = [&] { return std::stoi(fixture.output_of({"info", "--format", "{{.NGoroutines}}"})); };
    REQUIRE(fixture.eventually([&] { return threads() < 16; }));
}

TEST_CASE("clients that vanish from a stream in its middle leave no thread and no descriptor", "[api][root]") {
    const DaemonFixture fixture;
    fixture.output_of({"run", "-d", "--name", "talker", "--network", "none", "inside", "count", "0"});
    // Connections to it are taken by the kernel, and nobody answers.
    const Fd silent = must(http::listen_tcp("127.0.0.1", 0));
    const std::string registry = "127.0.0.1:" + std::to_string(must(http::port_of(silent)));
    const auto get = [](const std::string &target) { return "GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n"; };
    const auto post = [](const std::string &target, const std::string &more = "", const std::string &body = "") {
        return "POST " + target + " HTTP/1.1\r\nHost: x\r\n" + more +
               (body.empty()
                    ? ""
                    : "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) + "\r\n") +
               "\r\n" + body;
    };
    const std::string upgrade = "Connection: Upgrade\r\nUpgrade: tcp\r\n";
    const auto vanish_from_all = [&] {
        const std::string exec = fixture.ask(request("POST", "/containers/talker/exec",
                                                     R"({"AttachStdout": true, "Cmd": ["/inside", "count", "100"]})"));
        const std::string exec_id = exec.substr(exec.find("\"Id\":\"") + 6, 64);
        struct Way {
            std::string sent;
            bool answers = true; // bytes come before the client vanishes
        };
        for (const Way &way : {
                 Way{get("/events?since=1")},
                 Way{get("/containers/talker/logs?follow=1&stdout=1")},
                 Way{get("/containers/talker/stats")},
                 Way{get("/images/inside/get")},
                 Way{get("/containers/talker/export")},
                 Way{get("/containers/talker/archive?path=/")},
                 Way{post("/containers/talker/attach?stream=1&stdout=1&stdin=1&logs=1", upgrade)},
                 Way{post("/containers/talker/attach?stream=1&stdout=1")},
                 Way{post("/exec/" + exec_id + "/start", upgrade, "{\"Detach\": false}")},
                 Way{post("/containers/talker/wait"), false},
                 Way{post("/images/create?tag=latest&fromImage=" + registry + "/never"), false},
                 Way{"POST /images/load HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhalf", false},
                 Way{"PUT /containers/talker/archive?path=/tmp HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: "
                     "chunked\r\n\r\n200\r\nhalf",
                     false},
                 Way{"POST /images/create?fromSrc=-&repo=half HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nx",
                     false},
             }) {
            CAPTURE(way.sent);
            const Fd socket = fixture.connect();
            REQUIRE(::send(socket.get(), way.sent.data(), way.sent.size(), MSG_NOSIGNAL) ==
                    static_cast<ssize_t>(way.sent.size()));
            pollfd entry{.fd = socket.get(), .events = POLLIN, .revents = 0};
            REQUIRE((!way.answers || ::poll(&entry, 1, 60'000) == 1));
            char some[64];
            REQUIRE((!way.answers || ::recv(socket.get(), some, sizeof some, 0) > 12));
            REQUIRE((!way.answers || std::string_view(some, 9) == "HTTP/1.1 "));
        }
    };
    vanish_from_all(); // what is opened once stays open
    std::pair<std::size_t, std::size_t> before{};
    // Its threads end when they notice.
    REQUIRE(fixture.eventually([&] {
        const auto now = fixture.holdings();
        return std::exchange(before, now) == now && now.first < 8;
    }));
    for (int round = 0; round < 3; round++) {
        vanish_from_all();
    }
    REQUIRE(fixture.eventually([&] {
        const auto now = fixture.holdings();
        return now.first <= before.first && now.second <= before.second;
    }));
}
