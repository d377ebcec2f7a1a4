// SPDX-License-Identifier: Apache-2.0
#include "base/file_io.h"
#include "base/grpc/framing.h"
#include "base/grpc/server.h"
#include "base/http/listener.h"
#include "base/subprocess.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::grpc;

namespace {

// The server on TCP, where a client of HTTP/2 that is not ours reaches it.
struct Fixture {
    TemporaryDirectory directory = scratch();
    std::uint16_t port = 0;
    Server server;

    Fixture() : server(start(port)) {}
    static Server start(std::uint16_t &port) {
        std::vector<Fd> listeners;
        listeners.push_back(must(http::listen_tcp("127.0.0.1", 0)));
        port = must(http::port_of(listeners[0]));
        return must(Server::start(std::move(listeners),
                                  {{"/t.S/Echo", [](Call &call) { return outcome_of(call.send(call.request())); }}}));
    }

    // What nghttp says of one request, frames and all.
    std::string ask(const std::string &path, const std::string &body, std::vector<std::string> options = {}) {
        const auto file = directory.path() / "body";
        must(write_file(file, body));
        Command command{.arguments = {"nghttp", "--verbose", "--timeout=20", "--header=te: trailers",
                                      "--header=content-type: application/grpc", "--data=" + file.string()}};
        command.arguments.insert(command.arguments.end(), options.begin(), options.end());
        command.arguments.push_back("http://127.0.0.1:" + std::to_string(port) + path);
        return must(run_checked(command));
    }
};

} // namespace

TEST_CASE("nghttp gets an answer and its trailers from our gRPC server", "[grpc]") {
    Fixture fixture;
    const std::string said = fixture.ask("/t.S/Echo", message_prefix(5) + "hello");
    CAPTURE(said);
    CHECK(said.contains(":status: 200"));
    CHECK(said.contains("content-type: application/grpc"));
    CHECK(said.contains("hello"));
    CHECK(said.contains("grpc-status: 0"));
}

TEST_CASE("nghttp gets an error without a body from our gRPC server", "[grpc]") {
    Fixture fixture;
    const std::string said = fixture.ask("/t.S/Other", message_prefix(0));
    CAPTURE(said);
    CHECK(said.contains("grpc-status: 12"));
    CHECK(said.contains("grpc-message: unknown method /t.S/Other"));
}

TEST_CASE("nghttp sends a large body in small windows to our gRPC server", "[grpc]") {
    Fixture fixture;
    const std::string message(3UL << 20, 'x');
    const std::string said =
        fixture.ask("/t.S/Echo", message_prefix(message.size()) + message, {"--window-bits=14", "--null-out"});
    CHECK(said.contains("grpc-status: 0"));
}

TEST_CASE("nghttp makes many requests on one connection of our gRPC server", "[grpc]") {
    Fixture fixture;
    const std::string said = fixture.ask("/t.S/Echo", message_prefix(5) + "hello", {"--multiply=20"});
    std::size_t answers = 0;
    for (std::size_t place = said.find("grpc-status: 0"); place != std::string::npos;
         place = said.find("grpc-status: 0", place + 1)) {
        answers++;
    }
    CHECK(answers == 20);
}
