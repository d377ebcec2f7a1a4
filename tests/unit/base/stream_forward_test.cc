// SPDX-License-Identifier: Apache-2.0
#include "base/stream/port_forward.h"

#include <functional>

#include "tests/unit/base/stream_test_clients.h"

using namespace ballast;
using namespace ballast::stream;

namespace {

using Seen = std::vector<std::string>;

struct Ports : PortForward::Events {
    Seen seen;
    std::function<void(PortForward::Connection)> greet = [](PortForward::Connection) {};
    void on_connection(PortForward::Connection connection, std::uint16_t port) override {
        seen.push_back(std::to_string(connection) + " to " + std::to_string(port));
        greet(connection);
    }
    void on_data(PortForward::Connection connection, std::string_view bytes) override {
        seen.push_back(std::to_string(connection) + ": " + std::string(bytes));
    }
    void on_end(PortForward::Connection connection) override { seen.push_back(std::to_string(connection) + " ends"); }
    void on_gone(PortForward::Connection connection) override { seen.push_back(std::to_string(connection) + " gone"); }
};

struct Client : SpdyClient {
    Spdy::Stream open(const char *type, const std::string &port, const std::string &request) {
        Fields fields{{"streamtype", type}, {"port", port}};
        if (!request.empty()) {
            fields.emplace_back("requestid", request);
        }
        return spdy.open(fields);
    }
};

// What the client has to say, to the server, and its answer.
void talk(Client &client, PortForward &server) {
    must(server.feed(client.spdy.take_output()));
    must(client.spdy.feed(server.take_output()));
}

} // namespace

TEST_CASE("a connection to a port is a pair of SPDY's streams", "[stream]") {
    Ports ports;
    Client client;
    const auto server = must(PortForward::over_spdy(ports));
    const Spdy::Stream error = client.open("error", "8080", "7");
    client.spdy.end(error);
    talk(client, *server);
    CHECK(ports.seen.empty());
    const Spdy::Stream data = client.open("data", "8080", "7");
    client.spdy.write(data, "hello");
    talk(client, *server);
    CHECK(ports.seen == Seen{"3 to 8080", "3: hello"});
    server->write(data, "you said hello");
    server->end(data);
    server->write(data, "late");
    talk(client, *server);
    CHECK(client.data[data] == "you said hello");
    CHECK(client.ended == std::vector<Spdy::Stream>{data, error});
    client.spdy.write(data, "bye");
    client.spdy.end(data);
    talk(client, *server);
    CHECK(ports.seen == Seen{"3 to 8080", "3: hello", "3: bye", "3 ends"});
    CHECK_FALSE(server->over());
    client.spdy.go_away();
    talk(client, *server);
    CHECK(server->over());
}

TEST_CASE("pairs of streams are told apart by their request, or by their order", "[stream]") {
    Ports ports;
    Client client;
    const auto server = must(PortForward::over_spdy(ports));
    client.open("error", "80", "a");                           // 1
    client.open("error", "81", "b");                           // 3
    const Spdy::Stream early = client.open("data", "81", "b"); // 5
    client.open("data", "80", "a");                            // 7
    client.open("error", "82", "");                            // 9
    client.open("data", "82", "");                             // 11
    const Spdy::Stream first = client.open("data", "83", "c"); // 13: before the stream for errors
    client.spdy.write(first, "what came before");
    client.spdy.end(first);
    client.open("error", "83", "c"); // 15
    client.spdy.write(early, "x");
    talk(client, *server);
    CHECK(ports.seen == Seen{"5 to 81", "7 to 80", "11 to 82", "13 to 83", "13: what came before", "13 ends", "5: x"});
}

TEST_CASE("a client hears why a port cannot be reached, and nothing more", "[stream]") {
    Ports ports;
    Client client;
    const auto server = must(PortForward::over_spdy(ports));
    ports.greet = [&](PortForward::Connection connection) { server->refuse(connection, "nobody listens"); };
    const Spdy::Stream error = client.open("error", "80", "1");
    const Spdy::Stream data = client.open("data", "80", "1");
    client.spdy.write(data, "hello");
    talk(client, *server);
    CHECK(client.data[error] == "nobody listens");
    CHECK(client.ended == std::vector<Spdy::Stream>{error, data});
    CHECK(ports.seen == Seen{"3 to 80"});
}

TEST_CASE("what is no pair of streams is refused, and a pair that is given up is gone", "[stream]") {
    Ports ports;
    Client client;
    const auto server = must(PortForward::over_spdy(ports));
    std::vector<Spdy::Stream> wrong{client.open("error", "0", "1"), client.open("error", "70000", "2"),
                                    client.open("error", "eighty", "3"), client.open("stdin", "80", "4"),
                                    client.open("error", "80", std::string(1000, 'x'))};
    client.open("error", "80", "5");
    wrong.push_back(client.open("error", "80", "5")); // twice
    wrong.push_back(client.open("data", "81", "5"));  // another port
    const Spdy::Stream much = client.open("data", "80", "6");
    client.spdy.write(much, std::string(1UL << 20, 'x')); // and no stream for errors
    wrong.push_back(much);
    talk(client, *server);
    CHECK(client.refused == wrong);
    CHECK(ports.seen.empty());

    const Spdy::Stream data = client.open("data", "80", "5");
    talk(client, *server);
    client.spdy.reset(data, Spdy::kCancel);
    talk(client, *server);
    CHECK(ports.seen == Seen{std::to_string(data) + " to 80", std::to_string(data) + " gone"});
}

TEST_CASE("SPDY goes through a WebSocket, however it is cut into messages", "[stream]") {
    Ports ports;
    Client client;
    WebClient web;
    const auto server = must(PortForward::over_websocket(ports, kForwardTunnel, {}));
    client.open("error", "80", "1");
    const Spdy::Stream data = client.open("data", "80", "1");
    client.spdy.write(data, "hello");
    const std::string said = client.spdy.take_output();
    web.socket.send(false, said.substr(0, 20));
    web.socket.send(false, said.substr(20));
    must(server->feed(web.socket.take_output()));
    CHECK(ports.seen == Seen{"3 to 80", "3: hello"});
    server->write(data, "you said hello");
    must(web.socket.feed(server->take_output()));
    for (const std::string &message : web.messages) {
        must(client.spdy.feed(message));
    }
    CHECK(client.data[data] == "you said hello");
    web.socket.send(true, "a text");
    CHECK(server->feed(web.socket.take_output()).error().code == EPROTO);
    must(web.socket.feed(server->take_output()));
    CHECK(web.closed);
    CHECK(server->over());
}

TEST_CASE("a WebSocket's channels come in pairs, one for each port", "[stream]") {
    Ports ports;
    WebClient client;
    const auto server = must(PortForward::over_websocket(ports, "v4.channel.k8s.io", {8080, 81}));
    client.socket.send(false, std::string("\0hello", 6));
    client.socket.send(false, "\1nothing is said here");
    client.socket.send(false, "\2there");
    client.socket.send(false, "\4nor here");
    must(server->feed(client.socket.take_output()));
    CHECK(ports.seen == Seen{"0 to 8080", "1 to 81", "0: hello", "1: there"});
    server->write(0, "out");
    server->refuse(1, "nobody listens");
    server->write(1, "late");
    must(client.socket.feed(server->take_output()));
    CHECK(client.messages == Seen{std::string("\0\x90\x1f", 3), "\1\x90\x1f", std::string("\2Q\0", 3),
                                  std::string("\3Q\0", 3), std::string("\0out", 4), "\3nobody listens"});
    CHECK_FALSE(server->over());
    client.socket.send(false, "\2late");
    client.socket.close(WebSocket::kNormal);
    must(server->feed(client.socket.take_output()));
    CHECK(ports.seen.size() == 5);
    CHECK(ports.seen.back() == "0 gone");
    CHECK(server->over());
}

TEST_CASE("a WebSocket closes with the last of its ports, also one of text", "[stream]") {
    Ports ports;
    WebClient client;
    const auto server = must(PortForward::over_websocket(ports, "v4.base64.channel.k8s.io", {81}));
    client.socket.send(true, "0aGVsbG8=");
    must(server->feed(client.socket.take_output()));
    server->end(0);
    must(client.socket.feed(server->take_output()));
    CHECK(ports.seen == Seen{"0 to 81", "0: hello"});
    CHECK(client.messages == Seen{"0UQA=", "1UQA="});
    CHECK(client.closed);
    CHECK_FALSE(PortForward::over_websocket(ports, "v4.channel.k8s.io", {}).has_value());
    CHECK_FALSE(
        PortForward::over_websocket(ports, "v4.channel.k8s.io", std::vector<std::uint16_t>(41, 80)).has_value());
    CHECK_FALSE(PortForward::over_websocket(ports, "v5.channel.k8s.io", {80}).has_value());
}
