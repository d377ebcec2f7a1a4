// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <set>

#include "runtime/engine/names.h"

namespace ballast::engine {

TEST_CASE("IDs are 64 digits whose short form is no number", "[engine]") {
    std::set<std::string> seen;
    for (int count = 0; count < 200; count++) {
        const std::string id = random_id();
        CHECK(is_id(id));
        CHECK(short_id(id).find_first_of("abcdef") != std::string::npos);
        CHECK(seen.insert(id).second);
    }
    CHECK_FALSE(is_id(std::string(63, 'a')));
    CHECK_FALSE(is_id(std::string(64, 'G')));
}

TEST_CASE("random names are names that a user could have given", "[engine]") {
    for (int attempt = 0; attempt < 50; attempt++) {
        const std::string name = random_name(attempt % 2);
        INFO(name);
        CHECK(check_name(name, "container"));
        CHECK(name.contains('_'));
    }
}

TEST_CASE("a name that is a path, empty or has other letters is refused", "[engine]") {
    for (const char *bad : {"", "a", "../x", "a/b", ".hidden", "-x", "a b", "a\nb", "\xc3\xa4x"}) {
        INFO(bad);
        CHECK_FALSE(check_name(bad, "container"));
    }
    CHECK(check_name("a/b", "container").error().message ==
          "Invalid container name (a/b), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed");
    CHECK_FALSE(check_name(std::string(256, 'a'), "container"));
    CHECK(check_name("web-1.2_3", "container"));
}

} // namespace ballast::engine
