// SPDX-License-Identifier: Apache-2.0
#include "base/lines.h"

#include "tests/unit/check.h"

using namespace ballast;
using Lines = std::vector<std::string>;

TEST_CASE("a text is its lines, with or without a newline at the end, and empty lines are none", "[lines]") {
    CHECK(lines_of("").empty());
    CHECK(lines_of("\n\n").empty());
    CHECK(lines_of("one") == Lines{"one"});
    CHECK(lines_of("one\n\n two \r\nthree\n") == Lines{"one", " two \r", "three"});
}
