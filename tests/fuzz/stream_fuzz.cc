// SPDX-License-Identifier: Apache-2.0
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
    bool ended = false;
};

using Make = std::function<Result<std::unique_ptr<RemoteCommand>>(RemoteCommand::Events &)>;

fuzz::Verdict judge(std::string_view input, const Make &make) {
    Heard whole;
    Heard pieces;
    const auto first = must(make(whole));
    const auto second = must(make(pieces));
    const Status status = first->feed(input);
    bool well = true;
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
    return judge(input, [](RemoteCommand::Events &events) {
        return RemoteCommand::over_websocket(events, {.input = true, .output = true, .terminal = true}, kCommandV5);
    });
}

fuzz::Verdict judge_spdy(std::string_view input) {
    return judge(input, [](RemoteCommand::Events &events) {
        return RemoteCommand::over_spdy(events, {.input = true, .output = true, .terminal = true});
    });
}

} // namespace

TEST_CASE("a command over a WebSocket keeps its promises for any bytes", "[fuzz]") {
    fuzz::check({.name = "stream-websocket",
                 .corpus = "tests/fuzz/corpus/stream-websocket",
                 .parse = judge_websocket,
                 .duration = std::chrono::seconds(4),
                 .words = {std::string("\x82\x81\0\0\0\0\0", 7), std::string("\x88\x80\0\0\0\0", 6),
                           std::string("\x82\xfe\0\x80", 4), std::string("\x80\x80\0\0\0\0", 6)}});
}

TEST_CASE("a command over SPDY keeps its promises for any bytes", "[fuzz]") {
    fuzz::check({.name = "stream-spdy",
                 .corpus = "tests/fuzz/corpus/stream-spdy",
                 .parse = judge_spdy,
                 .duration = std::chrono::seconds(4),
                 .words = {std::string("\0\0\0\3\0\0\0\1x", 9), std::string("\x80\3\0\6\0\0\0\4\0\0\0\1", 12),
                           std::string("\0\0\0\3\1\0\0\0", 8), "{\"Width\":1,\"Height\":2}"}});
}
