// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/protocol.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::monitor;

TEST_CASE("a message is the same after a journey, whatever pieces it travels in", "[monitor]") {
    const Event sent{.kind = Event::Kind::kEnded,
                     .session = 4,
                     .time_ns = -5,
                     .pid = 77,
                     .end = {.known = true, .status = 137, .signal = 9, .time_ns = 1LL << 60, .output_complete = true},
                     .oom_kills = 3,
                     .text = std::string("a\0b", 3)};
    const std::string bytes = frame(sent) + frame(Done{});
    FrameReader reader;
    std::vector<Frame> frames;
    for (const char byte : bytes) {
        reader.feed(std::string_view(&byte, 1));
        if (auto next = must(reader.next())) {
            frames.push_back(*next);
        }
    }
    REQUIRE(frames.size() == 2);
    const Event got = must(message_of<Event>(frames[0]));
    CHECK(got.kind == sent.kind);
    CHECK(got.session == 4);
    CHECK(got.time_ns == -5);
    CHECK(got.end == sent.end);
    CHECK(got.text == sent.text);
    must(message_of<Done>(frames[1]));
    CHECK(reader.held() == 0);
}

TEST_CASE("a message that was cut, has more, or has what cannot be is refused", "[monitor]") {
    const std::string good = encode(Attach{.session = 1, .input = true, .detach_keys = "ab"});
    must(decode<Attach>(good, "attach"));
    for (std::size_t size = 0; size < good.size(); ++size) {
        CHECK(error_of(decode<Attach>(good.substr(0, size), "attach")).code == EINVAL);
    }
    CHECK(error_of(decode<Attach>(good + "x", "attach")).message.starts_with("attach: "));
    std::string flag = good;
    flag[4] = 2; // neither true nor false
    CHECK(error_of(decode<Attach>(flag, "attach")).code == EINVAL);
    CHECK(error_of(decode<Hello>(std::string("\1\0\1\0\3", 5), "hello")).code == EINVAL); // purpose 3
    std::string list = encode(State{});
    list[0] = list[1] = list[2] = '\xff';
    CHECK(error_of(decode<State>(list, "state")).code == EINVAL);
}

TEST_CASE("a frame that is too long is refused before it is read", "[monitor]") {
    FrameReader reader;
    reader.feed(std::string("\1\0\4\0\1", 5)); // 256 KiB and a byte
    CHECK(error_of(reader.next()).code == EPROTO);
}

TEST_CASE("a message of another type is refused", "[monitor]") {
    CHECK(error_of(message_of<Started>({Type::kDone, ""})).code == EPROTO);
}

TEST_CASE("both sides agree on the newest version that both know", "[monitor]") {
    CHECK(must(common_version({})) == kNewestVersion);
    CHECK(must(common_version({.oldest = 1, .newest = 99})) == kNewestVersion);
    CHECK(error_of(common_version({.oldest = 2, .newest = 99})).code == EPROTO);
    CHECK(error_of(common_version({.oldest = 0, .newest = 0})).code == EPROTO);
}
