// SPDX-License-Identifier: Apache-2.0
#include "base/rollback.h"

#include <catch2/catch_test_macros.hpp>
#include <string>
#include <type_traits>

namespace ballast {
namespace {

static_assert(!std::is_copy_constructible_v<Rollback> && !std::is_move_constructible_v<Rollback>,
              "moved undo steps would run twice or not at all");

TEST_CASE("undo steps run last in, first out", "[rollback]") {
    std::string order;
    {
        Rollback rollback;
        for (const char letter : {'a', 'b', 'c'}) {
            rollback.add([&order, letter] { order += letter; });
        }
        CHECK(order.empty());
    }
    CHECK(order == "cba");
}

TEST_CASE("after commit nothing is undone, but what is added later is", "[rollback]") {
    std::string order;
    {
        Rollback rollback;
        rollback.add([&] { order += 'a'; });
        rollback.commit();
        rollback.add([&] { order += 'b'; });
    }
    CHECK(order == "b");
}

TEST_CASE("undo steps run on the way out of a function that returns early", "[rollback]") {
    bool undone = false;
    const auto fails = [&](bool succeed) {
        Rollback rollback;
        rollback.add([&] { undone = true; });
        if (!succeed) {
            return -1;
        }
        rollback.commit();
        return 0;
    };
    CHECK(fails(true) == 0);
    CHECK_FALSE(undone);
    CHECK(fails(false) == -1);
    CHECK(undone);
}

TEST_CASE("a step may add another one, which runs next", "[rollback]") {
    std::string order;
    {
        Rollback rollback;
        rollback.add([&] { order += 'a'; });
        rollback.add([&] {
            order += 'b';
            rollback.add([&] { order += 'c'; });
        });
    }
    CHECK(order == "bca");
}

} // namespace
} // namespace ballast
