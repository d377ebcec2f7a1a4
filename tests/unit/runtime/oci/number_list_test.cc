// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/number_list.h"

#include <catch2/catch_test_macros.hpp>

using ballast::oci::tidy_number_list;

TEST_CASE("lists of numbers lose blanks and empty items", "[number-list]") {
    REQUIRE(tidy_number_list("0-3,7", 9) == "0-3,7");
    REQUIRE(tidy_number_list(" 0 - 3 ,, 7,\n", 9) == "0-3,7");
    REQUIRE(tidy_number_list("007", 9) == "7");
    REQUIRE(tidy_number_list("5-5", 9) == "5-5");
    REQUIRE(tidy_number_list("", 9) == "");
}

TEST_CASE("lists that are none are refused", "[number-list]") {
    for (const char *text : {"a", "-", "-1", "1-", "3-1", "1-2-3", "10", "0-10", "0x1", "+1", "1 2", "99999999999"}) {
        CAPTURE(text);
        REQUIRE_FALSE(tidy_number_list(text, 9).has_value());
    }
}
