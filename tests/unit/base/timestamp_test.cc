// SPDX-License-Identifier: Apache-2.0
#include "base/timestamp.h"

#include "tests/unit/check.h"

using namespace ballast;

namespace {

constexpr std::int64_t kTime = 1'715'000'000'120'000'000; // 2024-05-06T12:53:20.12Z

} // namespace

TEST_CASE("times are written and read as RFC 3339 has them", "[timestamp]") {
    CHECK(timestamp(kTime, Fraction::kShortest) == "2024-05-06T12:53:20.12Z");
    CHECK(timestamp(kTime, Fraction::kNano) == "2024-05-06T12:53:20.120000000Z");
    CHECK(timestamp(kTime, Fraction::kMicro) == "2024-05-06T12:53:20.120000Z");
    CHECK(timestamp(kTime, Fraction::kNone) == "2024-05-06T12:53:20Z");
    CHECK(timestamp(0, Fraction::kShortest) == "1970-01-01T00:00:00Z");
    CHECK(timestamp(-1, Fraction::kShortest) == "1969-12-31T23:59:59.999999999Z");
    CHECK(parse_timestamp("2024-05-06T12:53:20.12Z") == kTime);
    CHECK(parse_timestamp("2024-05-06T14:53:20.12+02:00") == kTime);
    CHECK(parse_timestamp("2024-05-06T07:23:20.120000000-05:30") == kTime);
    for (const char *wrong : {"", "2024-05-06", "2024-02-30T00:00:00Z", "2024-05-06T24:00:00Z", "2024-05-06T00:00:00",
                              "2024-05-06T00:00:00.Z", "2024-05-06T00:00:00.1234567890Z", "2024-05-06T00:00:00Zx",
                              "9999-01-01T00:00:00Z", "2024-05-06T00:00:00+0200"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_timestamp(wrong).has_value());
    }
}

TEST_CASE("whole seconds are read of years that nanoseconds have no room for", "[timestamp]") {
    CHECK(parse_timestamp_seconds("0001-01-01T00:00:00Z") == -62135596800);
    CHECK(parse_timestamp_seconds("9999-12-31T23:59:59.9Z") == 253402300799);
    CHECK(parse_timestamp_seconds("2024-05-06T12:53:20.12Z") == kTime / 1'000'000'000);
    CHECK_FALSE(parse_timestamp_seconds("2024-05-06").has_value());
}

TEST_CASE("now is the clock's time, with nine digits", "[timestamp]") {
    const std::int64_t before = now_ns();
    const std::string text = timestamp_now();
    const std::int64_t after = now_ns();
    CHECK(text.size() == std::string("2024-05-06T12:53:20.120000000Z").size());
    CHECK(parse_timestamp(text) >= before);
    CHECK(parse_timestamp(text) <= after);
}
