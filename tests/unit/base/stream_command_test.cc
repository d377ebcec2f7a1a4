// SPDX-License-Identifier: Apache-2.0
#include "base/stream/remote_command.h"

#include <array>

#include "tests/unit/base/stream_test_clients.h"

using namespace ballast;
using namespace ballast::stream;

namespace {

struct Program : RemoteCommand::Events {
    std::string input;
    std::vector<std::string> seen;
    void on_ready() override { seen.emplace_back("ready"); }
    void on_input(std::string_view bytes) override { input += bytes; }
    void on_input_end() override { seen.emplace_back("end"); }
    void on_size(std::uint16_t columns, std::uint16_t rows) override {
        seen.push_back(std::to_string(columns) + "x" + std::to_string(rows));
    }
    void on_gone() override { seen.emplace_back("gone"); }
};

using Seen = std::vector<std::string>;

} // namespace

TEST_CASE("how a command ended is told in the words of Kubernetes", "[stream]") {
    CHECK(status_json({.exit_code = 0}) == R"({"metadata":{},"status":"Success"})");
    CHECK(status_json({.exit_code = 3}) ==
          R"({"metadata":{},"status":"Failure","message":"command terminated with non-zero exit code: exit status 3",)"
          R"("reason":"NonZeroExitCode","details":{"causes":[{"reason":"ExitCode","message":"3"}]}})");
    CHECK(status_json({.message = "no \"such\" container"}) ==
          R"({"metadata":{},"status":"Failure","message":"no \"such\" container","reason":"InternalError"})");
}

TEST_CASE("the client's first protocol that we speak is taken", "[stream]") {
    constexpr std::array<std::string_view, 2> kSpoken = {kCommandV4, kCommandV5};
    CHECK(choose_protocol({"v9", "v5.channel.k8s.io", "v4.channel.k8s.io"}, kSpoken) == "v5.channel.k8s.io");
    CHECK_FALSE(choose_protocol({"channel.k8s.io"}, kSpoken).has_value());
}

TEST_CASE("a terminal's size is read, and nothing taken for one", "[stream]") {
    CHECK(parse_terminal_size(R"({"Width":80,"Height":24})")->rows == 24);
    for (const char *wrong :
         {"", "{}", "[]", R"({"Width":80})", R"({"Width":-1,"Height":2})", R"({"Width":70000,"Height":2})"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_terminal_size(wrong).has_value());
    }
}

TEST_CASE("a command's streams go over a WebSocket's channels", "[stream]") {
    Program program;
    WebClient client;
    const auto command = must(RemoteCommand::over_websocket(
        program, {.input = true, .output = true, .errors = true, .terminal = true}, kCommandV5));
    client.socket.send(false, std::string("\0abc", 4));
    client.socket.send(false, std::string("\4") + R"({"Width":80,"Height":24})");
    client.socket.send(false, std::string("\4") + "no size");
    client.socket.send(false, std::string("\7") + "no channel");
    client.socket.send(false, "");
    client.socket.send(false, std::string("\xff\0", 2));
    client.socket.send(false, std::string("\0late", 5));
    must(command->feed(client.socket.take_output()));
    CHECK(program.input == "abc");
    CHECK(program.seen == Seen{"ready", "80x24", "end"});

    command->write_output("out");
    command->write_errors("err");
    command->finish({.exit_code = 0});
    command->write_output("late");
    must(client.socket.feed(command->take_output()));
    CHECK(client.messages == Seen{"\1", "\1out", "\2err", std::string("\3") + R"({"metadata":{},"status":"Success"})"});
    CHECK(client.closed);
    must(command->feed(client.socket.take_output()));
    CHECK(program.seen.back() == "gone");
}

TEST_CASE("streams that a command does not have are not heard over a WebSocket", "[stream]") {
    Program program;
    WebClient client;
    const auto command = must(RemoteCommand::over_websocket(program, {.output = true}, kCommandV4));
    client.socket.send(false, std::string("\0abc", 4));
    client.socket.send(false, std::string("\4") + R"({"Width":80,"Height":24})");
    client.socket.send(false, std::string("\xff\0", 2)); // version 4 knows no such thing
    must(command->feed(client.socket.take_output()));
    command->write_errors("nobody asked");
    must(client.socket.feed(command->take_output()));
    CHECK(program.seen == Seen{"ready"});
    CHECK(program.input.empty());
    CHECK(client.messages == Seen{"\1"});
    CHECK_FALSE(RemoteCommand::over_websocket(program, {}, "v3.channel.k8s.io").has_value());
    CHECK_FALSE(RemoteCommand::over_spdy(program, {}, kCommandV5).has_value());
}

TEST_CASE("a command's streams go over a WebSocket as text", "[stream]") {
    Program program;
    WebClient client;
    const auto command = must(RemoteCommand::over_websocket(program, {.input = true, .errors = true, .terminal = true},
                                                            "v4.base64.channel.k8s.io"));
    client.socket.send(true, "0YWJj");
    client.socket.send(true, "4eyJXaWR0aCI6ODAsIkhlaWdodCI6MjR9");
    must(command->feed(client.socket.take_output()));
    CHECK(program.input == "abc");
    CHECK(program.seen == Seen{"ready", "80x24"});
    command->write_errors("err");
    command->finish({.exit_code = 0});
    must(client.socket.feed(command->take_output()));
    CHECK(client.messages == Seen{"2", "2ZXJy", "3eyJtZXRhZGF0YSI6e30sInN0YXR1cyI6IlN1Y2Nlc3MifQ=="});

    WebClient careless;
    const auto other = must(RemoteCommand::over_websocket(program, {.input = true}, "base64.channel.k8s.io"));
    careless.socket.send(true, "0a b");
    CHECK(other->feed(careless.socket.take_output()).error().code == EPROTO);
    must(careless.socket.feed(other->take_output()));
    CHECK(careless.closed);
}

TEST_CASE("versions of old hear of a command's end in plain words", "[stream]") {
    const auto last_word = [](const CommandEnd &end) {
        Program program;
        WebClient client;
        const auto command = must(RemoteCommand::over_websocket(program, {.output = true}, kCommandV1));
        must(command->feed({}));
        command->finish(end);
        must(client.socket.feed(command->take_output()));
        CHECK(client.closed);
        return client.messages.back();
    };
    CHECK(last_word({.exit_code = 0}) == "\1"); // the first message, and no other
    CHECK(last_word({.exit_code = 3}) == "\3"
                                         "command terminated with non-zero exit code: exit status 3");
    CHECK(last_word({.message = "no such file"}) == "\3"
                                                    "no such file");

    Program program;
    SpdyClient client;
    const auto command =
        must(RemoteCommand::over_spdy(program, {.output = true, .terminal = true}, "v2.channel.k8s.io"));
    const Spdy::Stream error = client.spdy.open({{"streamtype", "error"}});
    client.spdy.open({{"streamtype", "stdout"}});
    must(command->feed(client.spdy.take_output()));
    CHECK(program.seen == Seen{"ready"}); // there is no stream for sizes yet
    command->finish({.exit_code = 3});
    must(client.spdy.feed(command->take_output()));
    CHECK(client.data[error] == "command terminated with non-zero exit code: exit status 3");
}

TEST_CASE("a command's streams go over streams of SPDY", "[stream]") {
    Program program;
    SpdyClient client;
    const auto command =
        must(RemoteCommand::over_spdy(program, {.input = true, .output = true, .terminal = true}, kCommandV4));
    const Spdy::Stream error = client.spdy.open({{"streamtype", "error"}});
    const Spdy::Stream input = client.spdy.open({{"streamtype", "stdin"}});
    const Spdy::Stream output = client.spdy.open({{"streamtype", "stdout"}});
    must(command->feed(client.spdy.take_output()));
    CHECK(program.seen.empty()); // one is missing
    const Spdy::Stream resize = client.spdy.open({{"streamtype", "resize"}});
    const Spdy::Stream twice = client.spdy.open({{"streamtype", "stdin"}});
    const Spdy::Stream unasked = client.spdy.open({{"streamtype", "stderr"}});
    client.spdy.write(resize, R"({"Width":80,"He)");
    client.spdy.write(resize, "ight\":24}\n{\"Width\":81,\"Height\":25}");
    client.spdy.write(input, "abc");
    client.spdy.end(input);
    must(command->feed(client.spdy.take_output()));
    CHECK(program.seen == Seen{"ready", "80x24", "81x25", "end"});
    CHECK(program.input == "abc");

    command->write_output("out");
    command->write_errors("nobody asked");
    command->finish({.exit_code = 3});
    must(client.spdy.feed(command->take_output()));
    CHECK(client.refused == std::vector<Spdy::Stream>{twice, unasked});
    CHECK(client.data[output] == "out");
    CHECK(client.data[error].contains("NonZeroExitCode"));
    CHECK(client.data.size() == 2);
    CHECK(client.ended.size() == 4);
}
