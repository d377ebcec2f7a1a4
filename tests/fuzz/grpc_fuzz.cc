// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/grpc/framing.h"
#include "base/grpc/session.h"
#include "base/grpc/status.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::grpc;

namespace {

// Answers every request, and sees to it that the session keeps the order of its events.
struct Judge : Session::Events {
    enum class State { kOpen, kEnded };
    std::unique_ptr<Session> session;
    std::map<Session::Stream, State> streams;
    std::string broken;
    bool asked = false;

    void on_fields(Session::Stream stream, const Fields &fields) override {
        asked = true;
        if (streams.contains(stream) && !field(fields, ":method").empty()) {
            broken = "a second request on one stream";
        }
        streams[stream] = State::kOpen;
        if (field(fields, ":path").empty() && !field(fields, ":method").empty()) {
            broken = "a request without a path";
        }
    }
    void on_data(Session::Stream stream, std::string_view bytes) override {
        if (!streams.contains(stream) || streams[stream] != State::kOpen) {
            broken = "data on a stream that is not open";
        }
        session->append(stream, bytes);
    }
    void on_end(Session::Stream stream) override {
        if (!streams.contains(stream) || streams[stream] != State::kOpen) {
            broken = "an end of a stream that is not open";
        }
        streams[stream] = State::kEnded;
        session->respond(stream, {{":status", "200"}});
        session->finish(stream, {{"grpc-status", "0"}});
    }
    void on_closed(Session::Stream stream, std::uint32_t) override { streams.erase(stream); }
};

fuzz::Verdict judge_session(std::string_view input) {
    Judge judge;
    judge.session = must(Session::make(Session::Side::kServer, judge));
    bool well = true;
    std::size_t sent = 0;
    for (std::size_t place = 0; well && place < input.size(); place += 100) {
        well = judge.session->feed(input.substr(place, 100)).has_value();
        Result<std::string> output = judge.session->output(1 << 20);
        well = well && output.has_value();
        sent += output.has_value() ? output->size() : 0;
    }
    if (sent > 1'000'000 + 100 * input.size()) {
        judge.broken = "an answer out of proportion";
    }
    return {well && judge.asked, judge.broken};
}

fuzz::Verdict judge_messages(std::string_view input) {
    MessageReader whole(1000);
    MessageReader pieces(1000);
    std::vector<std::string> from_whole;
    std::vector<std::string> from_pieces;
    (void)whole.feed(input);
    while (auto message = whole.next()) {
        from_whole.push_back(std::move(*message));
    }
    for (const char c : input) {
        const bool good = pieces.feed({&c, 1}).ok();
        while (auto message = pieces.next()) {
            from_pieces.push_back(std::move(*message));
        }
        if (!good) {
            break;
        }
    }
    const bool bounded = std::ranges::all_of(from_whole, [](const std::string &text) { return text.size() <= 1000; });
    return {!from_whole.empty(), from_whole == from_pieces && bounded ? "" : "other messages when cut otherwise"};
}

fuzz::Verdict judge_words(std::string_view input) {
    const bool same = decode_message(encode_message(input)) == input || input.size() > 2000;
    const auto timeout = parse_timeout(input);
    const bool negative = timeout && timeout->count() < 0;
    return {timeout.has_value(), same && !negative ? "" : "another message or time than was written"};
}

} // namespace

TEST_CASE("the gRPC server's HTTP/2 session keeps its promises for any bytes", "[fuzz]") {
    fuzz::check({.name = "grpc-session",
                 .corpus = "tests/fuzz/corpus/grpc-session",
                 .parse = judge_session,
                 .duration = std::chrono::seconds(5),
                 .words = {std::string("\0\0\0\4\0\0\0\0\0", 9), std::string("\0\0\4\3\0\0\0\0\1\0\0\0\10", 13),
                           std::string("\0\0\1\0\1\0\0\0\1x", 10), std::string("\0\0\10\6\0\0\0\0\0", 9)}});
}

TEST_CASE("the reader of gRPC messages keeps its promises for any bytes", "[fuzz]") {
    fuzz::check(
        {.name = "grpc-messages",
         .corpus = "tests/fuzz/corpus/grpc-messages",
         .parse = judge_messages,
         .duration = std::chrono::seconds(3),
         .words = {std::string("\0\0\0\0\0", 5), std::string("\1\0\0\0\1", 5), std::string("\0\xff\xff\xff\xff", 5)}});
}

TEST_CASE("the readers of gRPC's header values keep their promises for any text", "[fuzz]") {
    fuzz::check({.name = "grpc-words",
                 .corpus = "tests/fuzz/corpus/grpc-words",
                 .parse = judge_words,
                 .duration = std::chrono::seconds(2),
                 .words = {"n", "u", "m", "S", "M", "H", "9", "00000000", "%", "%0A"}},
                200);
}
