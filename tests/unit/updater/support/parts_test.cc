// SPDX-License-Identifier: Apache-2.0
#include "updater/support/parts.h"

#include <algorithm>
#include <set>

#include "tests/unit/check.h"

namespace ballast::updater::support {
namespace {

TEST_CASE("a support bundle has one file for each source, and the journal of as many boots as asked for", "[support]") {
    const std::vector<Part> parts = bundle_parts(3);
    std::set<std::string> names;
    for (const Part &part : parts) {
        INFO(part.name);
        REQUIRE_FALSE(part.source.empty());
        CHECK((part.kind == Kind::kFiles || names.insert(part.name).second));
        CHECK((part.kind != Kind::kFiles || part.source.front().starts_with('/')));
        CHECK((part.kind != Kind::kEngine || part.source.front().starts_with('/')));
    }
    CHECK(names.contains("journal/boot-0.txt"));
    CHECK(names.contains("journal/boot-2.txt"));
    CHECK_FALSE(names.contains("journal/boot-3.txt"));
    CHECK(bundle_parts(4).size() == parts.size() + 1);
}

TEST_CASE("a support bundle asks no program that changes something", "[support]") {
    const std::set<std::string> readers{"ballast", "ostree",     "systemctl",  "journalctl", "ps", "timedatectl",
                                        "uname",   "lsmod",      "df",         "findmnt",    "ip", "lsblk",
                                        "ss",      "networkctl", "resolvectl", "nft"};
    for (const Part &part : bundle_parts(1)) {
        CHECK((part.kind != Kind::kCommand || readers.contains(part.source.front())));
    }
}

} // namespace
} // namespace ballast::updater::support
