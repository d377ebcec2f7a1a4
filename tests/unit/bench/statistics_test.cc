// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/statistics.h"

#include <catch2/catch_test_macros.hpp>

namespace ballast::bench {
namespace {

TEST_CASE("the median of an odd number of samples is the middle one, whatever their order", "[bench]") {
    CHECK(summarize({9, 1, 5}) == Summary{5, 1, 9, 3});
    CHECK(summarize({7}) == Summary{7, 7, 7, 1});
}

TEST_CASE("the median of an even number of samples lies between the middle two", "[bench]") {
    CHECK(summarize({4, 100, 1, 2}) == Summary{3, 1, 100, 4});
}

TEST_CASE("a percentile is a sample that this share does not exceed", "[bench]") {
    CHECK(percentile({5, 1, 4, 2, 3}, 0.95) == Summary{5, 1, 5, 5});
    CHECK(percentile({4, 3, 2, 1}, 0.5) == Summary{2, 1, 4, 4});
    CHECK(percentile({1, 2}, 0) == Summary{1, 1, 2, 2});
    CHECK(percentile({}, 0.95) == Summary{});
}

TEST_CASE("no samples give a summary that counts none", "[bench]") { CHECK(summarize({}) == Summary{}); }

TEST_CASE("a ratio divides our median by theirs", "[bench]") {
    CHECK(ratio(summarize({3, 1, 2}), summarize({4})) == 0.5);
}

TEST_CASE("there is no ratio without something to divide by", "[bench]") {
    CHECK_FALSE(ratio(summarize({1}), summarize({0})).has_value());
    CHECK_FALSE(ratio(summarize({1}), summarize({})).has_value());
    CHECK_FALSE(ratio(summarize({}), summarize({1})).has_value());
}

} // namespace
} // namespace ballast::bench
