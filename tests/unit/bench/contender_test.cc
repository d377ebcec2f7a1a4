// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/contender.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

// The same disk before its sizes are known.
Contender unmeasured(const Contender &contender) { return {.name = contender.name, .disk = contender.disk}; }

struct Recorded {
    TemporaryDirectory directory = scratch();
    fs::path record = directory.path() / "sizes.json";
    Contender contender{
        .name = "peer", .disk = directory.path() / "disk.qcow2", .tree_bytes = 5'000'000'000, .disk_bytes = 34};

    Recorded() {
        must(write_file(contender.disk, "a disk"));
        must(record_sizes(contender, record));
    }
};

TEST_CASE("sizes that were recorded are recalled for the same disk", "[bench]") {
    const Recorded recorded;
    Contender contender = unmeasured(recorded.contender);
    CHECK(must(recall_sizes(contender, recorded.record)));
    CHECK(contender.tree_bytes == 5'000'000'000);
    CHECK(contender.disk_bytes == 34);
}

TEST_CASE("sizes are not recalled for another disk or from a damaged record", "[bench]") {
    const Recorded recorded;
    SECTION("another disk") { must(write_file(recorded.contender.disk, "a disc")); }
    SECTION("no disk") { fs::remove(recorded.contender.disk); }
    SECTION("no record") { fs::remove(recorded.record); }
    SECTION("half a record") { must(write_file(recorded.record, "{\"tree_bytes\": 1")); }
    SECTION("a record of other types") {
        must(write_file(recorded.record, R"({"tree_bytes": "1", "disk_bytes": 1, "sha256": 7})"));
    }
    SECTION("a record without digest") { must(write_file(recorded.record, R"({"tree_bytes": 1, "disk_bytes": 1})")); }
    Contender contender = unmeasured(recorded.contender);
    CHECK_FALSE(must(recall_sizes(contender, recorded.record)));
    CHECK(contender.tree_bytes == 0);
}

} // namespace
} // namespace ballast::bench
