// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/words.h"

#include <catch2/catch_test_macros.hpp>
#include <string_view>
#include <type_traits>

namespace ballast::isolate {
namespace {

static_assert(!std::is_copy_constructible_v<Words>, "a copy would point into the strings of the original");

TEST_CASE("frozen words end in a null pointer", "[words]") {
    Words words({"one", "two"});
    CHECK_FALSE(words.frozen());
    words.freeze();
    REQUIRE(words.frozen());
    CHECK(std::string_view(words.pointers()[0]) == "one");
    CHECK(std::string_view(words.pointers()[1]) == "two");
    CHECK(words.pointers()[2] == nullptr);
}

TEST_CASE("a list without words is frozen as well", "[words]") {
    Words words;
    words.freeze();
    REQUIRE(words.frozen());
    CHECK(words.pointers()[0] == nullptr);
}

TEST_CASE("a word more takes the freezing back", "[words]") {
    Words words({"one"});
    words.freeze();
    words.add("two");
    CHECK_FALSE(words.frozen());
    words.freeze();
    CHECK(std::string_view(words.pointers()[1]) == "two");
}

TEST_CASE("short words stay where they are when the list moves", "[words]") {
    Words words({"a", "b"});
    words.freeze();
    const Words moved = std::move(words);
    CHECK(std::string_view(moved.pointers()[0]) == "a");
    CHECK(moved.pointers()[0] == moved.list()[0].data());
}

} // namespace
} // namespace ballast::isolate
