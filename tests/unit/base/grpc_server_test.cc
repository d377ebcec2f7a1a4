// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/server.h"

#include <atomic>
#include <future>
#include <semaphore>
#include <thread>

#include "tests/unit/base/grpc_fixture.h"

using namespace ballast;
using namespace ballast::grpc;
using namespace std::chrono_literals;

namespace {

Outcome echo(Call &call) { return outcome_of(call.send(call.request())); }

// As many messages as the request says.
Outcome count(Call &call) {
    const int many = std::stoi(call.request());
    for (int number = 1; number <= many; number++) {
        if (const Status sent = call.send(std::to_string(number)); !sent.has_value()) {
            return outcome_of(sent);
        }
    }
    return {};
}

// Runs until it is asked to stop, and says so.
struct Sleeper {
    std::counting_semaphore<> began{0};
    std::counting_semaphore<> stopped{0};
    Handler handler() {
        return [this](Call &call) -> Outcome {
            std::binary_semaphore asked(0);
            const std::stop_callback callback(call.stop(), [&] { asked.release(); });
            began.release();
            asked.acquire();
            stopped.release();
            return {Code::kAborted, "stopped"};
        };
    }
};

} // namespace

TEST_CASE("a gRPC call brings its message there and an answer back", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    Client client(fixture.path);
    for (const std::size_t size : {0UL, 1UL, 70'000UL, 3UL << 20}) {
        const std::string message(size, 'm');
        const Reply reply = client.call("/t.S/Echo", message);
        CHECK(reply.outcome == Outcome{});
        CHECK(reply.message == message);
    }
    CHECK(fixture.server.connections() == 1); // one after the other, over the same connection
}

TEST_CASE("a gRPC handler's error reaches the caller with its message", "[grpc]") {
    ServerFixture fixture({{"/t.S/Fail", [](Call &) -> Outcome { return {Code::kNotFound, "kein „web“, 100 %\n"}; }},
                           {"/t.S/Throw", [](Call &) -> Outcome { throw std::runtime_error("secret"); }}});
    Client client(fixture.path);
    CHECK(client.call("/t.S/Fail", "").outcome == Outcome{Code::kNotFound, "kein „web“, 100 %\n"});
    CHECK(client.call("/t.S/Throw", "").outcome == Outcome{Code::kInternal, "internal error"});
}

TEST_CASE("a gRPC method that is not there is unimplemented", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    Client client(fixture.path);
    CHECK(client.call("/t.S/Other", "x").outcome == Outcome{Code::kUnimplemented, "unknown method /t.S/Other"});
    CHECK(client.call("/t.S/Other", std::string(5UL << 20, 'x')).outcome.code == Code::kUnimplemented);
    CHECK(client.call("/t.S/Echo", "x").message == "x");
}

TEST_CASE("a gRPC stream gives every message in order", "[grpc]") {
    ServerFixture fixture({{"/t.S/Count", count}});
    Client client(fixture.path);
    int last = 0;
    const Outcome outcome = client.stream("/t.S/Count", "10000", [&](const std::string &message) -> Outcome {
        return std::stoi(message) == ++last ? Outcome{} : Outcome{Code::kDataLoss, message};
    });
    CHECK(outcome == Outcome{});
    CHECK(last == 10'000);
    CHECK(client.stream("/t.S/Count", "0", [](const std::string &) { return Outcome{}; }).ok());
}

TEST_CASE("who ends a gRPC stream early stops its handler", "[grpc]") {
    std::promise<Outcome> ended;
    ServerFixture fixture({{"/t.S/Endless", [&](Call &call) {
                                const std::string piece(10'000, 'x');
                                Status sent;
                                while ((sent = call.send(piece)).has_value()) {
                                }
                                ended.set_value(outcome_of(sent));
                                return outcome_of(sent);
                            }}});
    Client client(fixture.path);
    int seen = 0;
    const Outcome outcome = client.stream("/t.S/Endless", "", [&](const std::string &) {
        return ++seen < 3 ? Outcome{} : Outcome{Code::kOutOfRange, "enough"};
    });
    CHECK(outcome == Outcome{Code::kOutOfRange, "enough"});
    CHECK(ended.get_future().get().code == Code::kCancelled);
}

TEST_CASE("a gRPC handler waits for a client that does not read", "[grpc]") {
    std::atomic<int> sent = 0;
    ServerFixture fixture({{"/t.S/Lots",
                            [&](Call &call) -> Outcome {
                                for (; sent < 100; sent++) {
                                    if (!call.send(std::string(100'000, 'x')).has_value()) {
                                        return {Code::kCancelled, ""};
                                    }
                                }
                                return {};
                            }}},
                          {.unsent = 300'000});
    RawClient client(fixture.connect());
    const auto stream = client.open(request_fields("/t.S/Lots"));
    client.session().append(stream, message_prefix(0));
    client.session().finish(stream);
    while (client.data.empty()) { // and no more than the first window of flow control
        REQUIRE(client.pump());
    }
    CHECK(sent < 100);
    client.until_closed();
    CHECK(field(client.fields, "grpc-status") == "0");
    CHECK(client.data.size() == 100 * (100'000 + 5));
}

TEST_CASE("a gRPC deadline ends the call on both sides", "[grpc]") {
    Sleeper sleeper;
    ServerFixture fixture({{"/t.S/Sleep", sleeper.handler()}});
    Client client(fixture.path);
    CHECK(client.call("/t.S/Sleep", "", {.timeout = 20ms}).outcome.code == Code::kDeadlineExceeded);
    sleeper.stopped.acquire();
    // The server's own clock does it too, for a client that waits on.
    RawClient raw(fixture.connect());
    CHECK(raw_call(raw, request_fields("/t.S/Sleep", {{"grpc-timeout", "20m"}}), message_prefix(0)).code ==
          Code::kDeadlineExceeded);
    sleeper.stopped.acquire();
    CHECK(raw_call(raw, request_fields("/t.S/Sleep", {{"grpc-timeout", "soon"}}), message_prefix(0)) ==
          Outcome{Code::kInternal, "malformed grpc-timeout"});
}

TEST_CASE("a handler knows the gRPC call's deadline and metadata", "[grpc]") {
    ServerFixture fixture({{"/t.S/Tell", [](Call &call) -> Outcome {
                                const bool timed = call.deadline() > std::chrono::steady_clock::now() + 1h;
                                return outcome_of(call.send(call.method() + " " + std::string(call.metadata("x-who")) +
                                                            (timed ? " timed" : "")));
                            }}});
    Client client(fixture.path);
    CHECK(client.call("/t.S/Tell", "", {.timeout = 2h, .metadata = {{"x-who", "me"}}}).message == "/t.S/Tell me timed");
    CHECK(client.call("/t.S/Tell", "").message == "/t.S/Tell ");
}

TEST_CASE("a gRPC call that is cancelled, reset or hung up on stops its handler", "[grpc]") {
    Sleeper sleeper;
    ServerFixture fixture({{"/t.S/Sleep", sleeper.handler()}, {"/t.S/Echo", echo}});
    SECTION("by the stop token of the client") {
        Client client(fixture.path);
        std::stop_source source;
        auto call = std::async(std::launch::async,
                               [&] { return client.call("/t.S/Sleep", "", {.stop = source.get_token()}).outcome; });
        sleeper.began.acquire();
        source.request_stop();
        CHECK(call.get().code == Code::kCancelled);
        sleeper.stopped.acquire();
    }
    SECTION("by RST_STREAM, and the connection goes on") {
        RawClient client(fixture.connect());
        const auto stream = client.open(request_fields("/t.S/Sleep"));
        client.session().append(stream, message_prefix(0));
        client.session().finish(stream);
        client.flush();
        sleeper.began.acquire();
        client.session().reset(stream, Session::kCancel);
        client.flush();
        sleeper.stopped.acquire();
        CHECK(raw_call(client, request_fields("/t.S/Echo"), message_prefix(1) + "x").ok());
    }
    SECTION("by closing the connection") {
        {
            RawClient client(fixture.connect());
            const auto stream = client.open(request_fields("/t.S/Sleep"));
            client.session().append(stream, message_prefix(0));
            client.session().finish(stream);
            client.flush();
            sleeper.began.acquire();
        }
        sleeper.stopped.acquire();
    }
}

TEST_CASE("requests that are not gRPC are answered in HTTP's words", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    RawClient client(fixture.connect());
    Fields fields = request_fields("/t.S/Echo");
    SECTION("another content type") {
        for (const char *type : {"application/json", "application/grpcx", ""}) {
            fields.back().second = type;
            (void)raw_call(client, fields, "");
            CHECK(field(client.fields, ":status") == "415");
        }
    }
    SECTION("another method") {
        fields.front().second = "GET";
        (void)raw_call(client, fields, "");
        CHECK(field(client.fields, ":status") == "405");
    }
    SECTION("a subtype and parameters are fine") {
        for (const char *type : {"application/grpc+proto", "application/grpc; charset=utf-8"}) {
            fields.back().second = type;
            CHECK(raw_call(client, fields, message_prefix(1) + "x").ok());
        }
    }
}

TEST_CASE("gRPC requests that break the rules of its messages are refused with the right code", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}}, {.message = 1000});
    RawClient client(fixture.connect());
    const auto outcome_for = [&](std::string_view body, Fields others = {}) {
        return raw_call(client, request_fields("/t.S/Echo", std::move(others)), body);
    };
    const std::string whole = message_prefix(1) + "x";
    CHECK(outcome_for("").code == Code::kUnimplemented);
    CHECK(outcome_for(whole + whole).code == Code::kUnimplemented);
    CHECK(outcome_for(message_prefix(2) + "x") == Outcome{Code::kInternal, "the message is cut off"});
    CHECK(outcome_for(std::string("\1\0\0\0\1x", 6)).code == Code::kInternal);
    CHECK(outcome_for(std::string("\7\0\0\0\1x", 6)).code == Code::kInternal);
    CHECK(outcome_for(message_prefix(1001) + std::string(1001, 'x')).code == Code::kResourceExhausted);
    CHECK(outcome_for(whole, {{"grpc-encoding", "gzip"}}).code == Code::kUnimplemented);
    CHECK(outcome_for(whole, {{"grpc-encoding", "identity"}, {"grpc-accept-encoding", "gzip"}}).ok());
    CHECK(client.data == whole);
}

TEST_CASE("an answer that is too large is the gRPC call's error, not half an answer", "[grpc]") {
    ServerFixture fixture({{"/t.S/Large", [](Call &call) { return outcome_of(call.send(std::string(1001, 'x'))); }}},
                          {.message = 1000});
    Client client(fixture.path);
    CHECK(client.call("/t.S/Large", "").outcome.code == Code::kResourceExhausted);
    ServerFixture other({{"/t.S/Large", [](Call &call) { return outcome_of(call.send(std::string(1001, 'x'))); }}});
    Client small(other.path);
    CHECK(small.call("/t.S/Large", "", {.largest = 1000}).outcome.code == Code::kResourceExhausted);
    CHECK(small.call("/t.S/Large", "", {.largest = 1001}).outcome.ok());
}

TEST_CASE("many gRPC calls at once are all answered", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}});
    Client client(fixture.path);
    std::vector<std::future<int>> threads;
    for (int thread = 0; thread < 8; thread++) {
        threads.push_back(std::async(std::launch::async, [&client, thread] {
            int right = 0;
            for (int number = 0; number < 100; number++) {
                const std::string text = std::to_string(thread * 1000 + number);
                right += client.call("/t.S/Echo", text).message == text ? 1 : 0;
            }
            return right;
        }));
    }
    for (std::future<int> &thread : threads) {
        CHECK(thread.get() == 100);
    }
}

TEST_CASE("one gRPC call more than there may be is refused and the others go on", "[grpc]") {
    Sleeper sleeper;
    ServerFixture fixture({{"/t.S/Sleep", sleeper.handler()}, {"/t.S/Echo", echo}}, {.calls = 1});
    Client client(fixture.path);
    std::stop_source source;
    auto call = std::async(std::launch::async,
                           [&] { return client.call("/t.S/Sleep", "", {.stop = source.get_token()}).outcome; });
    sleeper.began.acquire();
    CHECK(client.call("/t.S/Echo", "x").outcome == Outcome{Code::kResourceExhausted, "too many calls at once"});
    source.request_stop();
    CHECK(call.get().code == Code::kCancelled);
}

TEST_CASE("requests that together are too large are refused", "[grpc]") {
    ServerFixture fixture({{"/t.S/Echo", echo}}, {.buffered = 50'000});
    RawClient client(fixture.connect());
    CHECK(raw_call(client, request_fields("/t.S/Echo"), message_prefix(60'000) + std::string(60'000, 'x')) ==
          Outcome{Code::kResourceExhausted, "too many requests at once"});
    CHECK(raw_call(client, request_fields("/t.S/Echo"), message_prefix(40'000) + std::string(40'000, 'x')).ok());
    CHECK(raw_call(client, request_fields("/t.S/Echo"), message_prefix(40'000) + std::string(40'000, 'x')).ok());
}

TEST_CASE("a gRPC server that stops lets calls end and takes no more", "[grpc]") {
    std::binary_semaphore began(0);
    std::binary_semaphore go_on(0);
    ServerFixture fixture({{"/t.S/Slow",
                            [&](Call &call) {
                                began.release();
                                go_on.acquire();
                                return outcome_of(call.send("done"));
                            }},
                           {"/t.S/Echo", echo}});
    RawClient idle(fixture.connect());
    CHECK(raw_call(idle, request_fields("/t.S/Echo"), message_prefix(0)).ok());
    Client client(fixture.path);
    auto call = std::async(std::launch::async, [&] { return client.call("/t.S/Slow", ""); });
    began.acquire();
    auto stop = std::async(std::launch::async, [&] { return fixture.server.stop(20s).has_value(); });
    while (idle.pump()) { // until the server, which told it to go away, closes the connection
    }
    CHECK_FALSE(idle.session().open(request_fields("/t.S/Echo")).has_value());
    go_on.release();
    CHECK(call.get().message == "done");
    CHECK(stop.get());
}

TEST_CASE("a gRPC server that stops without grace stops handlers and cuts their clients off", "[grpc]") {
    Sleeper sleeper;
    ServerFixture fixture({{"/t.S/Sleep", sleeper.handler()}});
    Client client(fixture.path);
    auto call = std::async(std::launch::async, [&] { return client.call("/t.S/Sleep", "").outcome; });
    sleeper.began.acquire();
    must(fixture.server.stop(0ms));
    sleeper.stopped.acquire();
    CHECK(call.get().code == Code::kUnavailable);
}

TEST_CASE("a gRPC client comes back to a server that was started anew", "[grpc]") {
    TemporaryDirectory directory = scratch();
    const auto path = directory.path() / "socket";
    Client client(path);
    CHECK(client.call("/t.S/Echo", "x").outcome.code == Code::kUnavailable);
    {
        const Server first = ServerFixture::start(path, {{"/t.S/Echo", echo}}, {});
        CHECK(client.call("/t.S/Echo", "x").message == "x");
    }
    CHECK(client.call("/t.S/Echo", "x").outcome.code == Code::kUnavailable);
    const Server second = ServerFixture::start(path, {{"/t.S/Echo", echo}}, {});
    CHECK(client.call("/t.S/Echo", "x").message == "x");
}
