// SPDX-License-Identifier: Apache-2.0
#include <map>
#include <set>

#include "base/stream/port_forward.h"
#include "base/stream/remote_command.h"
#include "base/stream/spdy.h"
#include "base/stream/websocket.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::stream;

namespace {

// Everything that was heard, in a form that does not depend on how the bytes were cut.
struct Heard : RemoteCommand::Events {
    std::string input;
    std::string rest;
    bool ready = false;
    std::string broken;
    void on_ready() override {
        broken = ready ? "ready twice" : broken;
        ready = true;
    }
    void on_input(std::string_view bytes) override {
        broken = ended ? "input behind its end" : broken;
        input += bytes;
    }
    void on_input_end() override { ended = true; }
    void on_size(std::uint16_t columns, std::uint16_t rows) override {
        rest += std::to_string(columns) + "x" + std::to_string(rows) + " ";
    }
    void on_gone() override { rest += "gone "; }
    void serve(RemoteCommand &) {}
    bool ended = false;
};

// The same of connections to ports. Every third one is refused, to see that nothing more is heard of it.
struct HeardOfPorts : PortForward::Events {
    std::map<PortForward::Connection, std::string> input;
    std::string rest;
    std::string broken;
    PortForward *server = nullptr;
    std::set<PortForward::Connection> open;

    void on_connection(PortForward::Connection connection, std::uint16_t port) override {
        note(connection, " to " + std::to_string(port));
        broken = port == 0 || !open.insert(connection).second ? "a connection twice, or to no port" : broken;
        if (server != nullptr && port % 3 == 0) {
            server->refuse(connection, "no");
            open.erase(connection);
        }
    }
    void on_data(PortForward::Connection connection, std::string_view bytes) override {
        must_be_open(connection);
        input[connection] += bytes;
    }
    void on_end(PortForward::Connection connection) override {
        must_be_open(connection);
        note(connection, " ends");
    }
    void on_gone(PortForward::Connection connection) override {
        must_be_open(connection);
        open.erase(connection);
        note(connection, " gone");
    }
    void note(PortForward::Connection connection, const std::string &what) {
        rest += std::to_string(connection) + what + "; ";
    }
    void must_be_open(PortForward::Connection connection) {
        broken = open.contains(connection) ? broken : "heard of a connection that is over";
    }
    void serve(PortForward &forward) { server = &forward; }
};

template <typename Events, typename Make>
fuzz::Verdict judge(std::string_view input, const Make &make) {
    Events whole;
    Events pieces;
    const auto first = must(make(whole));
    const auto second = must(make(pieces));
    whole.serve(*first);
    pieces.serve(*second);
    const Status status = first->feed(input);
    bool well = second->feed({}).has_value();
    for (std::size_t place = 0; well && place < input.size(); place += 3) {
        well = second->feed(input.substr(place, 3)).has_value();
    }
    std::string broken = whole.broken + pieces.broken;
    if (status.has_value() != well || whole.input != pieces.input || whole.rest != pieces.rest) {
        broken = "heard something else when cut otherwise";
    }
    if (!status.has_value()) {
        broken += fuzz::bad_message(status.error().message);
    }
    const std::string output = first->take_output();
    if (output.size() > 1000 + 20 * input.size()) {
        broken = "an answer out of proportion";
    }
    return {status.has_value() && !input.empty(), broken};
}

fuzz::Verdict judge_websocket(std::string_view input) {
    return judge<Heard>(input, [](RemoteCommand::Events &events) {
        return RemoteCommand::over_websocket(events, {.input = true, .output = true, .terminal = true}, kCommandV5);
    });
}

fuzz::Verdict judge_text(std::string_view input) {
    return judge<Heard>(input, [](RemoteCommand::Events &events) {
        return RemoteCommand::over_websocket(events, {.input = true, .output = true, .terminal = true},
                                             "v4.base64.channel.k8s.io");
    });
}

fuzz::Verdict judge_spdy(std::string_view input) {
    return judge<Heard>(input, [](RemoteCommand::Events &events) {
        return RemoteCommand::over_spdy(events, {.input = true, .output = true, .terminal = true}, kCommandV4);
    });
}

fuzz::Verdict judge_ports(std::string_view input) {
    return judge<HeardOfPorts>(input, [](PortForward::Events &events) { return PortForward::over_spdy(events); });
}

fuzz::Verdict judge_tunnel(std::string_view input) {
    return judge<HeardOfPorts>(
        input, [](PortForward::Events &events) { return PortForward::over_websocket(events, kForwardTunnel, {}); });
}

fuzz::Verdict judge_channels(std::string_view input) {
    return judge<HeardOfPorts>(input, [](PortForward::Events &events) {
        return PortForward::over_websocket(events, "v4.channel.k8s.io", {8080, 81});
    });
}

const std::vector<std::string> kFrames = {std::string("\x82\x81\0\0\0\0\0", 7), std::string("\x88\x80\0\0\0\0", 6),
                                          std::string("\x82\xfe\0\x80", 4), std::string("\x80\x80\0\0\0\0", 6)};
const std::vector<std::string> kSpdyFrames = {
    std::string("\0\0\0\3\0\0\0\1x", 9), std::string("\x80\3\0\6\0\0\0\4\0\0\0\1", 12),
    std::string("\0\0\0\3\1\0\0\0", 8), std::string("\x80\3\0\3\0\0\0\x8\0\0\0\3\0\0\0\5", 16),
    "{\"Width\":1,\"Height\":2}"};

void check(const char *name, fuzz::Verdict (*judge_one)(std::string_view), const std::vector<std::string> &words) {
    fuzz::check({.name = name,
                 .corpus = std::string("tests/fuzz/corpus/") + name,
                 .parse = judge_one,
                 .duration = std::chrono::seconds(4),
                 .words = words});
}

} // namespace

TEST_CASE("a command over a WebSocket keeps its promises for any bytes", "[fuzz]") {
    check("stream-websocket", judge_websocket, kFrames);
}

TEST_CASE("a command over a WebSocket of text keeps its promises for any bytes", "[fuzz]") {
    check("stream-text", judge_text, kFrames);
}

TEST_CASE("a command over SPDY keeps its promises for any bytes", "[fuzz]") {
    check("stream-spdy", judge_spdy, kSpdyFrames);
}

TEST_CASE("ports over SPDY keep their promises for any bytes", "[fuzz]") {
    check("stream-ports", judge_ports, kSpdyFrames);
}

TEST_CASE("ports through a tunnel keep their promises for any bytes", "[fuzz]") {
    check("stream-tunnel", judge_tunnel, kFrames);
}

TEST_CASE("ports over channels keep their promises for any bytes", "[fuzz]") {
    check("stream-channels", judge_channels, kFrames);
}
