// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/power/grub_view.h"

#include "tests/unit/check.h"
#include "updater/boot_entries.h"

using namespace ballast;
using namespace ballast::power;

namespace {

updater::IdentifiedEntry entry(const std::string &id) {
    return {.entry = {.title = "Ballast " + id + " (ostree:0)",
                      .version = "1",
                      .kernel = "/ostree/" + id + "/vmlinuz",
                      .initrds = {"/ostree/" + id + "/initramfs.img"},
                      .options = "quiet root=LABEL=root ostree=/ostree/boot.1/ballast/" + id + "/0"},
            .id = id};
}

std::string starts(const std::string &good, const std::string &trial, const std::string &tries) {
    updater::GrubEnvironment environment;
    must(environment.set("good", good));
    must(environment.set("trial", trial));
    must(environment.set("tries", tries));
    return entry_that_starts({{.id = "new", .kernel = {}, .initramfs = {}, .ostree = {}},
                              {.id = "pinned", .kernel = {}, .initramfs = {}, .ostree = {}},
                              {.id = "old", .kernel = {}, .initramfs = {}, .ostree = {}}},
                             environment);
}

} // namespace

TEST_CASE("the menu that is written for GRUB is read again", "[power]") {
    const std::string text = must(updater::grub_menu({entry("ostree-b.0-1"), entry("ostree-a.0-1")}));
    const std::vector<MenuEntry> menu = must(parse_menu(text));
    REQUIRE(menu.size() == 2);
    CHECK(menu[0].id == "ostree-b.0-1");
    CHECK(menu[1].kernel == "/ostree/ostree-a.0-1/vmlinuz");
    CHECK(menu[1].initramfs == "/ostree/ostree-a.0-1/initramfs.img");
    CHECK(menu[1].ostree == "/ostree/boot.1/ballast/ostree-a.0-1/0");
    for (std::size_t size = 0; size + 2 < text.size(); size++) { // cut anywhere
        CHECK(error_of(parse_menu(text.substr(0, size))).code == EINVAL);
    }
}

TEST_CASE("who starts is decided by what is good and by the tries that are left", "[power]") {
    CHECK(starts("new", "", "") == "new");
    CHECK(starts("old", "", "") == "new");
    CHECK(starts("old", "new", "1") == "new");
    CHECK(starts("old", "new", "0") == "old");
    CHECK(starts("gone", "new", "0") == "pinned");
    CHECK(starts("old", "another", "0") == "new");
    updater::GrubEnvironment given_up;
    must(given_up.set("trial", "only"));
    must(given_up.set("tries", "0"));
    CHECK(entry_that_starts({{.id = "only", .kernel = {}, .initramfs = {}, .ostree = {}}}, given_up) == "only");
}
