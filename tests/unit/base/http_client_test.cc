// SPDX-License-Identifier: Apache-2.0
#include "base/http/client.h"

#include <algorithm>
#include <cstring>
#include <thread>

#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace std::chrono_literals;
using http::Client;
using http::ClientRequest;
using tests::ScriptedServer;
using tests::Turn;

namespace {

ClientRequest get(const ScriptedServer &server, const char *target = "/") {
    return {.url = must(http::parse_url(server.url(target)))};
}

} // namespace

TEST_CASE("a response has its status, its headers in any case, and its body", "[http]") {
    ScriptedServer server([](Turn &turn) { turn.respond(404, "body", "X-One: 1\r\nx-one:  2 \r\n"); });
    Client client;
    const http::ClientResponse response = must(client.send(get(server, "/a?b=c")));
    CHECK(response.head.status == 404);
    CHECK(response.head.header("X-ONE") == "1");
    CHECK(response.head.all("x-One") == std::vector<std::string_view>{"1", "2"});
    CHECK(response.head.header("none").empty());
    CHECK(response.head.content_length() == 4);
    CHECK(response.body == "body");
    CHECK(server.seen().at(0).target == "/a?b=c");
}

TEST_CASE("a connection is kept for the next request to the same host", "[http]") {
    ScriptedServer server([](Turn &turn) { turn.respond(200, "x"); });
    Client client;
    for (int i = 0; i < 3; ++i) {
        must(client.send(get(server)));
    }
    CHECK(server.connections() == 1);
}

TEST_CASE("requests of several threads run side by side", "[http]") {
    std::atomic<int> together = 0;
    ScriptedServer server([&](Turn &turn) {
        ++together;
        while (together < 4) { // would never end one after the other
            std::this_thread::sleep_for(1ms);
        }
        turn.respond(200, "x");
    });
    Client client;
    std::vector<std::jthread> threads;
    std::atomic<int> good = 0;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] { good += client.send(get(server)).has_value() ? 1 : 0; });
    }
    threads.clear();
    CHECK(good == 4);
}

TEST_CASE("bodies go out whole, as text and from a source, of known size and in chunks", "[http]") {
    ScriptedServer server([](Turn &turn) {
        if (turn.request.header("Transfer-Encoding").empty()) {
            turn.respond(201, turn.request.body);
        } else {
            turn.respond(201, "chunked");
            turn.hang_up();
        }
    });
    Client client;
    ClientRequest post = get(server);
    post.method = "POST";
    post.body = "text";
    post.headers = {{"Content-Type", "text/plain"}, {"X-Empty", ""}};
    CHECK(must(client.send(post)).body == "text");
    CHECK(server.seen().at(0).header("Content-Type") == "text/plain");
    CHECK(server.seen().at(0).head.contains("X-Empty:"));

    post.body.clear();
    post.headers.clear();
    CHECK(must(client.send(post)).body.empty());
    CHECK(server.seen().at(1).header("Content-Length") == "0");
    CHECK(server.seen().at(1).header("Content-Type").empty());

    std::string left(300'000, 'x');
    ClientRequest put = get(server);
    put.method = "PUT";
    put.source = [&](std::span<char> piece) -> Result<std::size_t> {
        const std::size_t count = std::min(piece.size(), left.size());
        std::memcpy(piece.data(), left.data(), count);
        left.erase(0, count);
        return count;
    };
    put.source_size = left.size();
    CHECK(must(client.send(put)).body == std::string(300'000, 'x'));
    CHECK(server.seen().at(2).method == "PUT");
    left = "some";
    put.source_size.reset();
    CHECK(must(client.send(put)).body == "chunked");
}

TEST_CASE("a body from a source is sent again over a new connection when the kept one is dead", "[http]") {
    std::atomic<int> asked = 0;
    ScriptedServer server([&](Turn &turn) {
        turn.respond(200, turn.request.body);
        if (asked++ == 0) {
            turn.hang_up();
        }
    });
    Client client;
    must(client.send(get(server)));
    std::string left;
    ClientRequest put = get(server);
    put.method = "PUT";
    put.source_size = 4;
    put.rewind = [&] {
        left = "body";
        return Status();
    };
    put.source = [&](std::span<char> piece) -> Result<std::size_t> {
        const std::size_t count = std::min(piece.size(), left.size());
        std::memcpy(piece.data(), left.data(), count);
        left.erase(0, count);
        return count;
    };
    must(put.rewind());
    CHECK(must(client.send(put)).body == "body");
}

TEST_CASE("redirects are the caller's to follow", "[http]") {
    ScriptedServer server([](Turn &turn) { turn.respond(307, "", "Location: http://evil.example/\r\n"); });
    Client client;
    const http::ClientResponse response = must(client.send(get(server)));
    CHECK(response.head.status == 307);
    CHECK(response.head.header("Location") == "http://evil.example/");
}

TEST_CASE("a body beyond its limit ends the transfer", "[http]") {
    ScriptedServer server([](Turn &turn) { turn.respond(200, std::string(1000, 'x')); });
    Client client;
    ClientRequest request = get(server);
    request.most_body = 999;
    CHECK(error_of(client.send(request)).code == EFBIG);
    request.most_body = 1000;
    CHECK(must(client.send(request)).body.size() == 1000);
}

TEST_CASE("headers without end are cut off, by bytes and by number", "[http]") {
    ScriptedServer server([](Turn &turn) {
        turn.send("HTTP/1.1 200 OK\r\n");
        const std::string line =
            turn.request.target == "/long" ? "X-A: " + std::string(8000, 'a') + "\r\n" : "X: y\r\n";
        for (int i = 0; i < 5000 && !turn.hangs_up(); ++i) {
            turn.send(line);
        }
        turn.stall();
    });
    Client client;
    CHECK(error_of(client.send(get(server, "/long"))).code == EFBIG);
    CHECK(error_of(client.send(get(server, "/many"))).code == EFBIG);
}

TEST_CASE("an error of the sink, and of what looks at the head, is the request's", "[http]") {
    ScriptedServer server([](Turn &turn) { turn.respond(200, "body"); });
    Client client;
    ClientRequest request = get(server);
    request.sink = [](std::string_view) { return Status(fail(ENOSPC, "disk full")); };
    const Error error = error_of(client.send(request));
    CHECK(error.code == ENOSPC);
    CHECK(error.message == "GET http://" + server.address() + "/: disk full");
    request.on_head = [](const http::ResponseHead &head) { return Status(fail(EPERM, std::to_string(head.status))); };
    CHECK(error_of(client.send(request)).message.ends_with(": 200"));
}

TEST_CASE("a body that ends too early is a broken connection", "[http]") {
    ScriptedServer server([](Turn &turn) {
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
        turn.hang_up();
    });
    Client client;
    std::string got;
    ClientRequest request = get(server);
    request.sink = [&](std::string_view piece) {
        got += piece;
        return Status();
    };
    CHECK(error_of(client.send(request)).code == ECONNRESET);
    CHECK(got == "ten bytes.");
}

TEST_CASE("silence ends after the idle time, before the head and inside of the body", "[http]") {
    ScriptedServer server([](Turn &turn) {
        if (turn.request.target == "/body") {
            turn.send("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes.");
        }
        turn.stall();
    });
    Client client;
    for (const char *target : {"/", "/body"}) {
        ClientRequest request = get(server, target);
        request.patience.idle = 50ms;
        CHECK(error_of(client.send(request)).code == ETIMEDOUT);
    }
}

TEST_CASE("a trickle is a stall when a rate is asked for", "[http]") {
    ScriptedServer server([](Turn &turn) {
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while (!turn.hangs_up()) {
            turn.send("x");
            std::this_thread::sleep_for(5ms);
        }
    });
    Client client;
    ClientRequest request = get(server);
    request.patience.idle = 10s;
    request.patience.slow_bytes = 100'000;
    request.patience.slow_time = 100ms;
    const Error error = error_of(client.send(request));
    CHECK(error.code == ETIMEDOUT);
    CHECK(error.message.contains("only"));
}

TEST_CASE("the total time counts whatever happens", "[http]") {
    ScriptedServer server([](Turn &turn) {
        turn.send("HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
        while (!turn.hangs_up()) {
            turn.send("x");
            std::this_thread::sleep_for(5ms);
        }
    });
    Client client;
    ClientRequest request = get(server);
    request.patience.total = 100ms;
    const Error error = error_of(client.send(request));
    CHECK(error.code == ETIMEDOUT);
    CHECK(error.message.contains("not complete within 100 ms"));
}

TEST_CASE("a request is canceled from another thread while nothing comes", "[http]") {
    std::stop_source stop;
    ScriptedServer server([&](Turn &turn) {
        stop.request_stop();
        turn.stall();
    });
    Client client;
    ClientRequest request = get(server);
    request.stop = stop.get_token();
    CHECK(error_of(client.send(request)).code == ECANCELED);
    CHECK(error_of(client.send(request)).code == ECANCELED);
    CHECK(server.seen().size() == 1);
}

TEST_CASE("headers that would become two are not sent", "[http]") {
    ScriptedServer server([](Turn &turn) { turn.respond(200); });
    Client client;
    for (const http::ClientHeader &header :
         std::initializer_list<http::ClientHeader>{{"X", "a\r\nY: b"}, {"X\r\nY", "b"}, {"", "b"}, {"A B", "c"}}) {
        ClientRequest request = get(server);
        request.headers = {header};
        CHECK(error_of(client.send(request)).code == EINVAL);
    }
    CHECK(server.seen().empty());
}

TEST_CASE("what is wrong at the other end has a code of its own and a message that names the host", "[http]") {
    Client client;
    ScriptedServer server([](Turn &turn) {
        turn.send("SSH-2.0-OpenSSH\r\n\r\n");
        turn.hang_up();
    });
    Error error = error_of(client.send(get(server)));
    CHECK(error.code == EPROTO);
    CHECK(error.message.contains(server.address()));

    ClientRequest request = get(server);
    request.url.scheme = "https";
    CHECK(error_of(client.send(request)).code == EPROTO);

    std::uint16_t closed_port = 0;
    {
        const ScriptedServer gone([](Turn &) {});
        closed_port = gone.port();
    }
    request = {.url = {"http", "127.0.0.1", closed_port, "/"}};
    error = error_of(client.send(request));
    CHECK(error.code == ECONNREFUSED);
    CHECK(error.message.contains("127.0.0.1:" + std::to_string(closed_port)));

    error = error_of(client.send({.url = must(http::parse_url("http://no-such-host.invalid/x?token=secret"))}));
    CHECK(error.code == EHOSTUNREACH);
    CHECK_FALSE(error.message.contains("secret"));
}

TEST_CASE("headers of a request through a proxy's tunnel are not the proxy's", "[http]") {
    ScriptedServer proxy([](Turn &turn) {
        turn.respond(403);
        turn.hang_up();
    });
    Client client;
    ClientRequest request{.url = must(http::parse_url("https://registry.example/")),
                          .headers = {{"Authorization", "Basic secret"}},
                          .proxy = "http://" + proxy.address()};
    CHECK_FALSE(client.send(request).has_value());
    REQUIRE(proxy.seen().size() == 1);
    CHECK(proxy.seen().at(0).method == "CONNECT");
    CHECK(proxy.seen().at(0).target == "registry.example:443");
    CHECK_FALSE(proxy.seen().at(0).head.contains("secret"));
}
