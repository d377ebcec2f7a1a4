// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_loader/renewal.h"

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast::updater::boot_loader {

TEST_CASE("a deployment brings its boot loader once, and never an older one", "[boot_loader]") {
    const Renewed never, first{.deployment = "a", .built = 10}, newer{.deployment = "b", .built = 20},
        as_old{.deployment = "c", .built = 10};
    CHECK(is_due(never, first));
    CHECK_FALSE(is_due(first, first));
    CHECK(is_due(first, newer));
    CHECK(is_due(first, as_old));
    CHECK_FALSE(is_due(newer, first)); // after a rollback
}

TEST_CASE("what was renewed is remembered, and a record that makes no sense is none", "[boot_loader]") {
    const TemporaryDirectory here = scratch();
    const std::filesystem::path file = here.path() / "boot-loader.json";
    CHECK(load_renewed(file) == Renewed());
    const Renewed renewed{.deployment = "ostree-1", .built = 1'700'000'000};
    must(save_renewed(file, renewed));
    CHECK(load_renewed(file) == renewed);
    for (const char *nonsense : {"", "{}", "[]", R"({"deployment": 1, "built": 2})", R"({"deployment": "a"})"}) {
        must(write_file(file, nonsense));
        CHECK(load_renewed(file) == Renewed());
    }
}

} // namespace ballast::updater::boot_loader
