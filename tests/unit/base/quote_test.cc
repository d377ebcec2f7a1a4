// SPDX-License-Identifier: Apache-2.0
#include "base/quote.h"

#include <catch2/catch_test_macros.hpp>

using namespace ballast;

TEST_CASE("quoting leaves text readable and makes the rest visible", "[quote]") {
    CHECK(quote("plain text") == "\"plain text\"");
    CHECK(quote("") == "\"\"");
    CHECK(quote("say \"hi\"") == R"("say \"hi\"")");
    CHECK(quote("back\\slash") == R"("back\\slash")");
    CHECK(quote("a\nb\tc\rd") == R"("a\nb\tc\rd")");
    CHECK(quote("\033[2J") == R"("\x1b[2J")");
    CHECK(quote(std::string_view("\0\x7f", 2)) == R"("\x00\x7f")");
    CHECK(quote("grün – 東京 🚢") == "\"grün – 東京 🚢\"");
}

TEST_CASE("quoting shows what is no UTF-8, byte by byte", "[quote]") {
    CHECK(quote("\xff") == R"("\xff")");
    CHECK(quote("cut \xe6\x9d") == R"("cut \xe6\x9d")");
    CHECK(quote("\x80") == R"("\x80")");
    CHECK(quote("\xc0\xaf") == R"("\xc0\xaf")");                 // overlong '/'
    CHECK(quote("\xe0\x80\xaf") == R"("\xe0\x80\xaf")");         // overlong
    CHECK(quote("\xed\xa0\x80") == R"("\xed\xa0\x80")");         // a surrogate
    CHECK(quote("\xf4\x90\x80\x80") == R"("\xf4\x90\x80\x80")"); // beyond U+10FFFF
    CHECK(quote("\xc2\x9b[2J") == R"("\xc2\x9b[2J")");           // CSI as a C1 control
    CHECK(quote("\xc2"
                "A") == R"("\xc2A")");
}
