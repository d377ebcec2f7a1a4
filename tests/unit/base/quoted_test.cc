// SPDX-License-Identifier: Apache-2.0
#include "base/quoted.h"

#include <catch2/catch_test_macros.hpp>

using namespace ballast;

TEST_CASE("quoting leaves text readable and makes the rest visible", "[quoted]") {
    CHECK(quoted("plain text") == "\"plain text\"");
    CHECK(quoted("") == "\"\"");
    CHECK(quoted("say \"hi\"") == R"("say \"hi\"")");
    CHECK(quoted("back\\slash") == R"("back\\slash")");
    CHECK(quoted("a\nb\tc\rd") == R"("a\nb\tc\rd")");
    CHECK(quoted("\033[2J") == R"("\x1b[2J")");
    CHECK(quoted(std::string_view("\0\x7f", 2)) == R"("\x00\x7f")");
    CHECK(quoted("grün – 東京 🚢") == "\"grün – 東京 🚢\"");
}

TEST_CASE("quoting shows what is no UTF-8, byte by byte", "[quoted]") {
    CHECK(quoted("\xff") == R"("\xff")");
    CHECK(quoted("cut \xe6\x9d") == R"("cut \xe6\x9d")");
    CHECK(quoted("\x80") == R"("\x80")");
    CHECK(quoted("\xc0\xaf") == R"("\xc0\xaf")");                 // overlong '/'
    CHECK(quoted("\xe0\x80\xaf") == R"("\xe0\x80\xaf")");         // overlong
    CHECK(quoted("\xed\xa0\x80") == R"("\xed\xa0\x80")");         // a surrogate
    CHECK(quoted("\xf4\x90\x80\x80") == R"("\xf4\x90\x80\x80")"); // beyond U+10FFFF
    CHECK(quoted("\xc2\x9b[2J") == R"("\xc2\x9b[2J")");           // CSI as a C1 control
    CHECK(quoted("\xc2"
                      "A") == R"("\xc2A")");
}
