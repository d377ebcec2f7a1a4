// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "tests/vm/console_keys.h"

using namespace ballast::vm;

TEST_CASE("keys pass until ctrl-a x", "[vm]") {
    ConsoleKeys keys;
    CHECK(keys.filter("ls x\r") == "ls x\r");
    CHECK(keys.filter("\x01") == "");
    CHECK(keys.filter("\x01") == "\x01");
    CHECK(keys.filter("\x01"
                      "b") == "\x01"
                              "b");
    CHECK_FALSE(keys.quit());
    CHECK(keys.filter("a\x01xrest") == "a");
    CHECK(keys.quit());
}

TEST_CASE("ctrl-a and x may come in two reads", "[vm]") {
    ConsoleKeys keys;
    CHECK(keys.filter("\x01") == "");
    CHECK(keys.filter("x") == "");
    CHECK(keys.quit());
}
