// SPDX-License-Identifier: Apache-2.0
#include "base/result.h"

#include <catch2/catch_test_macros.hpp>
#include <memory>
#include <type_traits>

namespace ballast {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) {
        return fail(EINVAL, std::to_string(number) + " is odd");
    }
    return number / 2;
}

Result<int> quarter(int number) { return TRY(half(TRY(half(number)))); }

Status check_even(int number, int &steps) {
    ++steps;
    (void)TRY(half(number));
    ++steps;
    return {};
}

Status passes_on(int number, int &steps) {
    TRY(check_even(number, steps));
    ++steps;
    return {};
}

TEST_CASE("TRY unwraps a value and returns an error as it is", "[result]") {
    CHECK(quarter(12).value() == 3);
    const auto inner = quarter(6);
    REQUIRE_FALSE(inner.has_value());
    CHECK(inner.error().code == EINVAL);
    CHECK(inner.error().message == "3 is odd");
    CHECK(quarter(7).error().message == "7 is odd");
}

TEST_CASE("TRY of a Status stops the function at the error", "[result]") {
    int steps = 0;
    CHECK(passes_on(2, steps).has_value());
    CHECK(steps == 3);
    steps = 0;
    CHECK_FALSE(passes_on(1, steps).has_value());
    CHECK(steps == 1);
}

TEST_CASE("TRY moves a value that cannot be copied", "[result]") {
    const auto make = []() -> Result<std::unique_ptr<int>> { return std::make_unique<int>(7); };
    const auto use = [&]() -> Result<int> {
        const std::unique_ptr<int> made = TRY(make());
        return *made;
    };
    CHECK(use().value() == 7);
}

TEST_CASE("TRY evaluates its expression once", "[result]") {
    int calls = 0;
    const auto count = [&]() -> Result<int> { return ++calls; };
    const auto use = [&]() -> Result<int> { return TRY(count()); };
    CHECK(use().value() == 1);
    CHECK(calls == 1);
}

TEST_CASE("within puts the outermost context first and leaves values alone", "[result]") {
    auto failed = half(3).within("halve").within("start web");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "start web: halve: 3 is odd");
    CHECK(failed.error().code == EINVAL);
    CHECK(half(4).within("halve").value() == 2);
}

TEST_CASE("fail_errno ends in the system's words for the code", "[result]") {
    errno = EACCES;
    const Error by_errno = fail_errno("open /x").error();
    CHECK(by_errno.code == EACCES);
    CHECK(by_errno.message == "open /x: Permission denied");
    CHECK(fail_errno("mount /data", ENOENT).error().message == "mount /data: No such file or directory");
    const Error unknown = fail_errno("do", 987654).error();
    CHECK(unknown.code == 987654);
    CHECK(unknown.message.contains("987654"));
}

TEST_CASE("a bool or a string as value is not taken for an error", "[result]") {
    const auto no = []() -> Result<bool> { return false; };
    CHECK(no().has_value());
    CHECK_FALSE(no().value());
    static_assert(!std::is_convertible_v<Error, Result<std::string>>);
}

} // namespace
} // namespace ballast
