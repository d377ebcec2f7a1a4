// SPDX-License-Identifier: Apache-2.0
#include "agent/config/duration.h"

#include "tests/unit/check.h"

using namespace ballast::agent;
using namespace std::chrono_literals;

TEST_CASE("times are read as Kubernetes writes them", "[agent]") {
    REQUIRE(parse_duration("0") == 0ns);
    REQUIRE(parse_duration("0s") == 0ns);
    REQUIRE(parse_duration("1m30s") == 90s);
    REQUIRE(parse_duration("1.5h") == 90min);
    REQUIRE(parse_duration("100ms") == 100ms);
    REQUIRE(parse_duration("2h45m0.5s") == 2h + 45min + 500ms);
    REQUIRE(parse_duration("7us") == 7us);
}

TEST_CASE("what is no time is none", "[agent]") {
    for (const char *text : {"", "1", "s", "-1s", "1m30", "1 s", "1d", "inf", "infs", "nans", "99999999999h", "1e3s"}) {
        CAPTURE(text);
        REQUIRE_FALSE(parse_duration(text));
    }
}
