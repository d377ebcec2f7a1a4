// SPDX-License-Identifier: Apache-2.0
#include "base/http/server.h"

#include <array>
#include <atomic>
#include <catch2/generators/catch_generators.hpp>
#include <future>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <thread>

#include "base/http/listener.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::http;
using namespace std::chrono_literals;

namespace {

// A server on a Unix socket of its own, and clients that send what they like.
struct Fixture {
    TemporaryDirectory directory = scratch();
    std::filesystem::path path = directory.path() / "socket";
    Server server;

    explicit Fixture(Handler handler, const Limits &limits = {}) : server(start(path, std::move(handler), limits)) {}
    static Server start(const std::filesystem::path &path, Handler handler, const Limits &limits) {
        std::vector<Fd> listeners;
        listeners.push_back(must(listen_unix(path, 0600)));
        return must(Server::start(std::move(listeners), std::move(handler), limits));
    }

    Fd connect() const {
        Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.string().copy(address.sun_path, sizeof address.sun_path - 1);
        REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
        return socket;
    }
};

void send(const Fd &socket, std::string_view text) {
    REQUIRE(::send(socket.get(), text.data(), text.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(text.size()));
}

// Until the server ends the connection, or `until` came.
std::string receive(const Fd &socket, std::string_view until = "\xff\xff never") {
    std::string text;
    std::array<char, 4096> piece{};
    while (!text.contains(until)) {
        pollfd entry{socket.get(), POLLIN, 0};
        REQUIRE(poll(&entry, 1, 20'000) == 1); // a test that hangs fails
        const ssize_t count = recv(socket.get(), piece.data(), piece.size(), 0);
        if (count <= 0) {
            return text;
        }
        text.append(piece.data(), static_cast<std::size_t>(count));
    }
    return text;
}

std::string ask(const Fixture &fixture, std::string_view request) {
    const Fd socket = fixture.connect();
    send(socket, request);
    return receive(socket);
}

std::string body_of(const std::string &answer) {
    const std::size_t end = answer.find("\r\n\r\n");
    return end == std::string::npos ? "" : answer.substr(end + 4);
}

// Says what it was asked.
void echo(Exchange &exchange) {
    const Result<std::string> body = exchange.whole_body(1024);
    if (!body.has_value()) {
        must(exchange.answer(body.error().code == EFBIG ? 413 : 400, {}, body.error().message));
        return;
    }
    const Request &request = exchange.request();
    must(exchange.answer(200, {{"X-Path", request.path}}, request.method + " " + request.target + " [" + *body + "]"));
}

} // namespace

TEST_CASE("a request is answered with what the handler says", "[http]") {
    const Fixture fixture(echo);
    const std::string answer = ask(fixture, "POST /a%20b?c=d HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
                                            "Content-Length: 3\r\n\r\nxyz");
    REQUIRE(answer.starts_with("HTTP/1.1 200 OK\r\n"));
    REQUIRE(answer.contains("\r\nX-Path: /a b\r\n"));
    REQUIRE(answer.contains("\r\nConnection: close\r\n"));
    REQUIRE(body_of(answer) == "POST /a%20b?c=d [xyz]");
}

TEST_CASE("a connection is kept for the next request, also when it is there already", "[http]") {
    const Fixture fixture(echo);
    const Fd socket = fixture.connect();
    send(socket, "GET /1 HTTP/1.1\r\nHost: x\r\n\r\nPOST /2 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                 "2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\nGET /3 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string all = receive(socket);
    REQUIRE(all.find("GET /1 []") < all.find("POST /2 [abc]"));
    REQUIRE(all.find("POST /2 [abc]") < all.find("GET /3 []"));
    REQUIRE(all.contains("GET /3 []"));
}

TEST_CASE("HEAD has the headers and no body", "[http]") {
    const Fixture fixture(echo);
    const std::string answer = ask(fixture, "HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    REQUIRE(answer.contains("\r\nContent-Length: 10\r\n"));
    REQUIRE(body_of(answer).empty());
}

TEST_CASE("a client that waits for 100 gets it when the body is wanted", "[http]") {
    const Fixture fixture(echo);
    const Fd socket = fixture.connect();
    send(socket, "POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    REQUIRE(receive(socket, "\r\n\r\n") == "HTTP/1.1 100 Continue\r\n\r\n");
    send(socket, "ok");
    REQUIRE(receive(socket, "]").ends_with("POST /x [ok]"));
}

TEST_CASE("a client that waits for 100 and is refused keeps its body, and the connection ends", "[http]") {
    const Fixture fixture([](Exchange &exchange) { must(exchange.answer(404, {}, "no")); });
    const std::string answer =
        ask(fixture, "POST /x HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    REQUIRE(answer.starts_with("HTTP/1.1 404 "));
    REQUIRE(answer.contains("Connection: close"));
}

TEST_CASE("what is not HTTP, or could be two requests to two readers, is refused", "[http]") {
    std::atomic<int> handled = 0;
    const Fixture fixture([&](Exchange &exchange) {
        handled++;
        echo(exchange);
    });
    const auto [request, status] = GENERATE(table<std::string, std::string>({
        {"\x16\x03\x01 garbage\r\n\r\n", "400"},
        {"GET / HTTP/2.0\r\n\r\n", "400"},
        {"GET /%zz HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET /a%00b HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"GET x HTTP/1.1\r\nHost: x\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "400"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\nGET /x HTTP/1.1\r\n\r\n", "501"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n", "400"},
        {"GET / HTTP/1.1\r\nHost : x\r\n\r\n", "400"},
        {"POST / HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nContent-Length: 1\r\n\r\n", "417"},
        {"GET / HTTP/1.1\r\nX: " + std::string(100'000, 'y') + "\r\n\r\n", "431"},
    }));
    CAPTURE(request);
    const std::string answer = ask(fixture, request);
    REQUIRE(answer.starts_with("HTTP/1.1 " + status));
    REQUIRE(handled == 0);
}

TEST_CASE("a body that is longer than allowed is refused, however it comes", "[http]") {
    const Fixture fixture(echo);
    const std::string large(2000, 'x');
    REQUIRE(ask(fixture, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2000\r\nConnection: close\r\n\r\n" + large)
                .starts_with("HTTP/1.1 413"));
    REQUIRE(ask(fixture,
                "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n7d0\r\n" + large + "\r\n0\r\n\r\n")
                .starts_with("HTTP/1.1 413"));
}

TEST_CASE("a client that ends in the middle of its body harms nobody else", "[http]") {
    std::promise<int> code;
    const Fixture fixture([&](Exchange &exchange) { code.set_value(exchange.whole_body(1024).error().code); });
    {
        const Fd socket = fixture.connect();
        send(socket, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf");
    }
    REQUIRE(code.get_future().get() == ECONNRESET);
}

TEST_CASE("headers that do not arrive in time end the connection", "[http]") {
    const Fixture fixture(echo, {.header_time = 50ms});
    const Fd socket = fixture.connect();
    send(socket, "GET / HTTP/1.1\r\nHost:");
    REQUIRE(receive(socket).starts_with("HTTP/1.1 408"));
}

TEST_CASE("a connection on which nothing comes is ended quietly", "[http]") {
    const Fixture fixture(echo, {.header_time = 50ms, .idle_time = 50ms});
    const Fd silent = fixture.connect();
    REQUIRE(receive(silent).empty());
    const Fd once = fixture.connect();
    send(once, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(receive(once).ends_with("GET / []"));
}

TEST_CASE("one connection too many is told so", "[http]") {
    const Fixture fixture(echo, {.connections = 1});
    const Fd first = fixture.connect();
    send(first, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(receive(first, "]").contains(" 200 "));
    REQUIRE(receive(fixture.connect()).starts_with("HTTP/1.1 503 "));
}

TEST_CASE("a streamed answer comes piece by piece, and without its end when the handler gives up", "[http]") {
    const Fixture fixture([](Exchange &exchange) {
        must(exchange.begin(200, {{"Content-Type", "application/json"}}));
        must(exchange.write("first"));
        must(exchange.write("")); // nothing: an empty chunk would be the last
        must(exchange.write("second"));
        if (exchange.request().path == "/whole") {
            must(exchange.finish());
        }
    });
    const std::string whole = ask(fixture, "GET /whole HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    REQUIRE(whole.contains("\r\nTransfer-Encoding: chunked\r\n"));
    REQUIRE(body_of(whole) == "5\r\nfirst\r\n6\r\nsecond\r\n0\r\n\r\n");
    REQUIRE(body_of(ask(fixture, "GET /half HTTP/1.1\r\nHost: x\r\n\r\n")) == "5\r\nfirst\r\n6\r\nsecond\r\n");
    const std::string old = ask(fixture, "GET /whole HTTP/1.0\r\n\r\n");
    REQUIRE_FALSE(old.contains("chunked"));
    REQUIRE(body_of(old) == "firstsecond");
}

TEST_CASE("a streamed answer may end with its connection", "[http]") {
    const Fixture fixture([](Exchange &exchange) {
        must(exchange.begin(200, {}, Exchange::Ending::kConnection));
        must(exchange.write("first"));
        must(exchange.write("second"));
        must(exchange.finish());
    });
    // Asked to stay; it says that it goes, and goes.
    const std::string answer = ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(answer.contains("\r\nConnection: close\r\n"));
    REQUIRE_FALSE(answer.contains("chunked"));
    REQUIRE(body_of(answer) == "firstsecond");
}

TEST_CASE("a handler that waits learns that its client is gone", "[http]") {
    std::promise<Exchange::Wake> woken;
    std::promise<bool> stopped;
    const Fixture fixture([&](Exchange &exchange) {
        if (exchange.request().path == "/wait") {
            woken.set_value(exchange.wait(std::nullopt));
            return;
        }
        const HangupWatch::Watched client = exchange.watch_client();
        std::promise<void> asked;
        const std::stop_callback callback(client.token(), [&] { asked.set_value(); });
        asked.get_future().wait();
        stopped.set_value(true);
    });
    for (const char *path : {"/wait", "/watch"}) {
        const Fd socket = fixture.connect();
        // A request behind it must not be taken for the client's end, nor wake the handler.
        send(socket, std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\n\r\nGET /");
    }
    REQUIRE(woken.get_future().get() == Exchange::Wake::kClientGone);
    REQUIRE(stopped.get_future().get());
}

TEST_CASE("a connection that is taken over starts with what was read too far", "[http]") {
    const Fixture fixture([](Exchange &exchange) {
        const Hijacked taken = must(exchange.hijack("application/vnd.docker.raw-stream"));
        const bool all = taken.read_ahead.contains("end");
        const std::string text = taken.read_ahead + (all ? "" : receive(taken.socket, "end"));
        send(taken.socket, text);
    });
    const Fd upgrading = fixture.connect();
    send(upgrading, "POST /x HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 2\r\n\r\n{}"
                    "ahead ");
    REQUIRE(receive(upgrading, "\r\n\r\n") == "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream"
                                              "\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    send(upgrading, "end");
    REQUIRE(receive(upgrading) == "ahead end");

    const Fd old = fixture.connect();
    send(old, "POST /x HTTP/1.1\r\nHost: x\r\n\r\nend");
    REQUIRE(receive(old) == "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nend");
}

TEST_CASE("the kernel says who is at the other end", "[http]") {
    const Fixture fixture([](Exchange &exchange) {
        const Peer &peer = exchange.peer();
        const bool right = peer.local && peer.uid == ::getuid() && peer.gid == ::getgid() && peer.pid == ::getpid();
        must(exchange.answer(right ? 204 : 403, {}, ""));
    });
    REQUIRE(ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").starts_with("HTTP/1.1 204 "));

    std::vector<Fd> listeners;
    listeners.push_back(must(listen_tcp("127.0.0.1", 0)));
    sockaddr_in address{
        .sin_family = AF_INET, .sin_port = htons(must(port_of(listeners[0]))), .sin_addr = {}, .sin_zero = {}};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const Server server = must(Server::start(std::move(listeners), [](Exchange &exchange) {
        must(exchange.answer(exchange.peer().local ? 403 : 200, {}, exchange.peer().address));
    }));
    const Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    send(socket, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    REQUIRE(body_of(receive(socket)).starts_with("127.0.0.1:"));
}

TEST_CASE("a header's value cannot end the header", "[http]") {
    const Fixture fixture(
        [](Exchange &exchange) { must(exchange.answer(200, {{"X", "a\r\nInjected: yes\r\n\r\nbody"}}, "")); });
    const std::string answer = ask(fixture, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    REQUIRE_FALSE(answer.contains("\nInjected"));
    REQUIRE(body_of(answer).empty());
}

TEST_CASE("a handler that throws or says nothing is a 500, and only that", "[http]") {
    const Fixture fixture([](Exchange &exchange) {
        if (exchange.request().path == "/throw") {
            throw std::runtime_error("a test's");
        }
    });
    for (const char *path : {"/throw", "/silent"}) {
        const std::string request = std::string("GET ") + path + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
        REQUIRE(ask(fixture, request).starts_with("HTTP/1.1 500 "));
    }
}

TEST_CASE("a server that stops ends idle connections and asks handlers to end", "[http]") {
    std::promise<void> waiting;
    std::promise<Exchange::Wake> woken;
    Fixture fixture([&](Exchange &exchange) {
        if (exchange.request().path == "/wait") {
            waiting.set_value();
            woken.set_value(exchange.wait(std::nullopt));
        }
        must(exchange.answer(200, {}, "done"));
    });
    const Fd idle = fixture.connect();
    send(idle, "GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    REQUIRE(receive(idle, "done").contains("done"));
    const Fd busy = fixture.connect();
    send(busy, "GET /wait HTTP/1.1\r\nHost: x\r\n\r\n");
    waiting.get_future().wait();
    REQUIRE(fixture.server.answers(20s));
    must(fixture.server.stop(20s));
    REQUIRE(woken.get_future().get() == Exchange::Wake::kStopping);
    REQUIRE(receive(busy).ends_with("done"));
    REQUIRE(receive(idle).empty());
    REQUIRE(fixture.server.connections() == 0);
    REQUIRE_FALSE(fixture.server.answers(1ms));
}

TEST_CASE("what a handler did not read of a body does not become the next request", "[http]") {
    const Fixture fixture([](Exchange &exchange) { must(exchange.answer(200, {}, exchange.request().target)); });
    const Fd socket = fixture.connect();
    send(socket, "POST /1 HTTP/1.1\r\nHost: x\r\nContent-Length: 18\r\n\r\nGET /evil HTTP/1.1"
                 "GET /2 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string all = receive(socket);
    REQUIRE(all.contains("/1"));
    REQUIRE(all.ends_with("/2"));
    REQUIRE_FALSE(all.contains("evil"));
}

TEST_CASE("a Unix socket that somebody listens on is not taken away", "[http]") {
    const Fixture fixture(echo);
    REQUIRE(error_of(listen_unix(fixture.path, 0600)).code == EADDRINUSE);
    const std::filesystem::path file = fixture.directory.path() / "file";
    must(write_file(file, "x"));
    REQUIRE(error_of(listen_unix(file, 0600)).code == EADDRINUSE);
    const std::filesystem::path stale = fixture.directory.path() / "stale";
    must(listen_unix(stale, 0600)).close();
    REQUIRE(must(listen_unix(stale, 0660)).is_open());
    REQUIRE(error_of(listen_unix("/" + std::string(200, 'x'), 0600)).code == ENAMETOOLONG);
}
