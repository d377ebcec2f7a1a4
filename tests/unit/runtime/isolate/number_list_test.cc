// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/number_list.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

using Mask = std::vector<unsigned long>;

TEST_CASE("a list of numbers and ranges is a bit mask", "[number-list]") {
    CHECK(must(parse_number_list("0", 64)) == Mask{1});
    CHECK(must(parse_number_list("0-3,7", 64)) == Mask{0x8f});
    CHECK(must(parse_number_list("64,127", 128)) == Mask{0, 1UL << 63U | 1UL});
    CHECK(must(parse_number_list("62-65", 128)) == Mask{3UL << 62U, 3});
}

TEST_CASE("blanks around elements and empty elements are passed over", "[number-list]") {
    CHECK(must(parse_number_list(" 1 ,\t3,,", 64)) == Mask{0xa});
}

TEST_CASE("a list that is none, or names what cannot be, is refused", "[number-list]") {
    for (const char *list : {"", ",", " ", "a", "1-", "-1", "3-1", "1 2", "0x1", "1-2-3", "64", "0-64",
                             "99999999999999999999", "+1", "1:2"}) {
        INFO(list);
        CHECK(error_of(parse_number_list(list, 64)).code == EINVAL);
    }
    CHECK(error_of(parse_number_list("7-5", 64)).message == "\"7-5\" ends before it starts");
    CHECK(error_of(parse_number_list("64", 64)).message == "\"64\" is over 63");
}

} // namespace
} // namespace ballast::isolate
