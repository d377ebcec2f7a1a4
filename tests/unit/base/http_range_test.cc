// SPDX-License-Identifier: Apache-2.0
#include "base/http/range.h"

#include <catch2/catch_test_macros.hpp>

using namespace ballast::http;

namespace {

bool is_part(std::string_view header, std::uint64_t first, std::uint64_t count) {
    const RangeChoice choice = choose_range(header, 100);
    return choice.kind == RangeKind::kPart && choice.range == Range{first, count};
}

} // namespace

TEST_CASE("one byte range is answered with that part", "[http]") {
    CHECK(is_part("bytes=0-0", 0, 1));
    CHECK(is_part("bytes=10-19", 10, 10));
    CHECK(is_part("bytes=90-", 90, 10));
    CHECK(is_part("bytes=90-200", 90, 10));
    CHECK(is_part("bytes=-10", 90, 10));
    CHECK(is_part("bytes=-1000", 0, 100));
}

TEST_CASE("a range behind the end cannot be satisfied", "[http]") {
    CHECK(choose_range("bytes=100-", 100).kind == RangeKind::kUnsatisfiable);
    CHECK(choose_range("bytes=100-200", 100).kind == RangeKind::kUnsatisfiable);
    CHECK(choose_range("bytes=-0", 100).kind == RangeKind::kUnsatisfiable);
    CHECK(choose_range("bytes=0-", 0).kind == RangeKind::kUnsatisfiable);
}

TEST_CASE("a range that is malformed or one of several counts as absent", "[http]") {
    for (const char *header : {"", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=5-4", "bytes=1-2x", "lines=1-2",
                               "bytes=0-1,5-6", "bytes=99999999999999999999-", "bytes=+1-2", "bytes= 1-2"}) {
        INFO(header);
        const RangeChoice choice = choose_range(header, 100);
        CHECK(choice.kind == RangeKind::kWhole);
        CHECK(choice.range == Range{0, 100});
    }
}

TEST_CASE("a target becomes a path inside the directory", "[http]") {
    CHECK(path_of_target("/") == "");
    CHECK(path_of_target("/a/b?query#fragment") == "a/b");
    CHECK(path_of_target("/a%20b/%C3%A4") == "a b/\xc3\xa4");
    CHECK(path_of_target("//a") == "a");
    CHECK(path_of_target("/a/../b") == "a/../b"); // stays inside; the kernel resolves it
}

TEST_CASE("a target that climbs out or is malformed has no path", "[http]") {
    for (const char *target : {"", "a", "/..", "/../etc/passwd", "/a/../../b", "/%2e%2e/x", "/%2E./x", "/..%2fx", "/%",
                               "/%4", "/%zz", "/a%00b", "/%+1", "*"}) {
        INFO(target);
        CHECK_FALSE(path_of_target(target).has_value());
    }
}
