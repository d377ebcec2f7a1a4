// SPDX-License-Identifier: Apache-2.0
#include "updater/boot_entries.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/generators/catch_generators.hpp>

namespace ballast::updater {
namespace {

const std::string kChecksumA(64, 'a');
const std::string kChecksumB(64, 'b');
const std::string kKernel(64, 'c');

// As libostree 2025.2 writes it.
const std::string kEntry = "title Ballast 13.1 (ostree:0)\n"
                           "version 2\n"
                           "options quiet foo=\"a b\" ostree=/ostree/boot.1/ballast/" +
                           kKernel +
                           "/0\n"
                           "linux /ostree/ballast-" +
                           kKernel +
                           "/vmlinuz-6.12.1\n"
                           "initrd /ostree/ballast-" +
                           kKernel +
                           "/initramfs-6.12.1.img\n"
                           "aboot /ostree/deploy/ballast/deploy/x.0/usr/lib/ostree-boot/aboot.img\n";

BootEntry entry_with(const std::string &options) {
    return {.title = "t", .version = "1", .kernel = "/vmlinuz", .initrds = {"/initramfs"}, .options = options};
}

std::string linked(int boot, int serial, const std::string &more = "", const std::string &stateroot = "ballast") {
    return "ostree=/ostree/boot." + std::to_string(boot) + "/" + stateroot + "/" + kKernel + "/" +
           std::to_string(serial) + (more.empty() ? "" : " " + more);
}

std::string target(const std::string &checksum, const std::string &serial = "0") {
    return "../../../deploy/ballast/deploy/" + checksum + "." + serial;
}

std::string id_of(const std::string &options, const std::string &link_target) {
    return deployment_id(entry_with(options), link_target).value();
}

TEST_CASE("an entry file of libostree is read", "[boot]") {
    const auto entry = parse_boot_entry(kEntry, "ostree-2.conf");
    REQUIRE(entry.has_value());
    CHECK(entry->title == "Ballast 13.1 (ostree:0)");
    CHECK(entry->version == "2");
    CHECK(entry->kernel == "/ostree/ballast-" + kKernel + "/vmlinuz-6.12.1");
    CHECK(entry->initrds == std::vector<std::string>{"/ostree/ballast-" + kKernel + "/initramfs-6.12.1.img"});
    CHECK(entry->options == "quiet foo=\"a b\" " + linked(1, 0));
}

TEST_CASE("the specification's freedoms are taken as it says", "[boot]") {
    const auto entry =
        parse_boot_entry("# comment\n\n  linux\t /vmlinuz  \ninitrd /a\ninitrd /b\noptions x y\noptions z\n"
                         "future key\nlonely",
                         "e.conf");
    REQUIRE(entry.has_value());
    CHECK(*entry ==
          BootEntry{
              .title = "(untitled)", .version = "", .kernel = "/vmlinuz", .initrds = {"/a", "/b"}, .options = "x y z"});
}

TEST_CASE("a broken entry is an error that names the file", "[boot]") {
    const std::string text = GENERATE(as<std::string>(), "", "title x\noptions quiet\n", "linux\n", "linux vmlinuz\n",
                                      "linux /vmlinuz\ninitrd initramfs\n",
                                      "linux /vmlinuz\noptions a\x01"
                                      "b\n",
                                      "linux /vmlinuz\ntitle \x1b[2J\n", "linux /vmlinuz\r\n");
    CAPTURE(text);
    const auto entry = parse_boot_entry(text, "ostree-7.conf");
    REQUIRE_FALSE(entry.has_value());
    CHECK(entry.error().code == EINVAL);
    CHECK(entry.error().message.starts_with("ostree-7.conf: "));
}

TEST_CASE("entries stand in libostree's order: highest version first, as numbers", "[boot]") {
    std::vector<BootEntry> entries;
    for (const char *version : {"9", "", "10", "2", "", "1"}) {
        entries.push_back({.title = "t" + std::to_string(entries.size()),
                           .version = version,
                           .kernel = "/k",
                           .initrds = {},
                           .options = {}});
    }
    sort_newest_first(entries);
    std::string order;
    for (const BootEntry &entry : entries) {
        order += entry.version + "/" + entry.title + " ";
    }
    CHECK(order == "10/t2 9/t0 2/t3 1/t5 /t1 /t4 ");
}

TEST_CASE("the boot link is found in the kernel arguments", "[boot]") {
    CHECK(boot_link(entry_with("a " + linked(0, 1) + " b")).value() == "/ostree/boot.0/ballast/" + kKernel + "/1");
    const std::string options = GENERATE(
        as<std::string>(), "", "quiet", "ostree=", "ostree=/ostree/boot.0", "ostree=ostree/boot.0/ballast/c/0",
        "ostree=/ostree/boot.0/../ballast/0", "ostree=/ostree/boot.0/ballast/c/0/", "ostree=/ostree/boot.0//c/0",
        "ostree=/ostree/deploy/ballast/c/0", "ostree=/ostree/boot.0/a/c/0 ostree=/ostree/boot.0/a/c/1",
        "x=\"ostree=/ostree/boot.0/a/c/0\"", "x=\" ostree=/ostree/boot.0/a/c/0", "notostree=/ostree/boot.0/a/c/0");
    CAPTURE(options);
    CHECK_FALSE(boot_link(entry_with(options)).has_value());
}

TEST_CASE("a deployment keeps its id through every swap, and shares it with no other", "[boot]") {
    const std::string id = id_of(linked(1, 0, "quiet"), target(kChecksumA));
    CHECK(is_deployment_id(id));
    CHECK(id.starts_with("ostree-" + kChecksumA + ".0-"));

    // An update that keeps the kernel takes boot serial 0 and moves this deployment to 1, in the other boot version.
    CHECK(id_of(linked(0, 1, "quiet"), target(kChecksumA)) == id);
    CHECK(id_of(linked(0, 0, "quiet"), target(kChecksumB)) != id);
    // Blanks and our own argument, copied from /proc/cmdline, are no change.
    CHECK(id_of("  quiet  " + linked(0, 1) + " ballast.deployment=old", target(kChecksumA)) == id);

    CHECK(id_of(linked(1, 0, "quiet"), target(kChecksumA, "1")) != id);
    CHECK(id_of(linked(1, 0, "quiet debug"), target(kChecksumA)) != id);
    CHECK(id_of(linked(1, 0, "quiet", "other"), target(kChecksumA)) != id);
    BootEntry overlaid = entry_with(linked(1, 0, "quiet"));
    overlaid.initrds = {"/moved/initramfs"};
    CHECK(deployment_id(overlaid, target(kChecksumA)).value() == id);
    overlaid.initrds.emplace_back("/overlay.img");
    CHECK(deployment_id(overlaid, target(kChecksumA)).value() != id);
}

TEST_CASE("a link that names no deployment is an error", "[boot]") {
    const std::string name =
        GENERATE(as<std::string>(), "", "x", std::string(64, 'a'), std::string(64, 'a') + ".",
                 std::string(64, 'a') + ".x", std::string(64, 'A') + ".0", std::string(63, 'a') + ".0",
                 std::string(65, 'a') + ".0", std::string(64, 'a') + ".0.0", std::string(64, 'a') + ".12345678901");
    CAPTURE(name);
    CHECK_FALSE(deployment_id(entry_with(linked(0, 0)), "../deploy/" + name).has_value());
}

TEST_CASE("an id is safe in scripts, and GRUB cannot take it for an index", "[boot]") {
    CHECK(is_deployment_id("a"));
    CHECK(is_deployment_id("ostree-1.0_x-Y"));
    CHECK(is_deployment_id("a" + std::string(127, '1')));
    for (const std::string &text : {std::string(), std::string("1a"), std::string("-a"), std::string("a b"),
                                    std::string("a'"), std::string("a$b"), std::string("a/b"), std::string("a>b"),
                                    std::string("a\n"), "a" + std::string(128, '1')}) {
        CAPTURE(text);
        CHECK_FALSE(is_deployment_id(text));
    }
}

TEST_CASE("the menu of two deployments", "[boot]") {
    const BootEntry older = {
        .title = "It's old", .version = "1", .kernel = "/vmlinuz-1", .initrds = {"/i", "/o"}, .options = "quiet"};
    const BootEntry newer = {.title = "new",
                             .version = "2",
                             .kernel = "/vmlinuz-2",
                             .initrds = {},
                             .options = "foo=\"a b\" \"c d\" x=$y ballast.deployment=stale"};
    CHECK(grub_menu({{newer, "n"}, {older, "o"}}).value() ==
          R"(# Written by ballast-boot-entries for libostree, anew for every change of the deployments.
set ballast_newest=n
set ballast_entries=2
set ballast_previous=o
set ballast_previous_index=1
if [ "$good" = o ]; then
set ballast_good=o
set ballast_previous=o
set ballast_previous_index=1
fi
menuentry 'new' --id n {
    if ballast_start n; then
        linux '/vmlinuz-2' 'foo=a b' 'c d' 'x=$y' ballast.deployment=n
    fi
}
menuentry 'It'\''s old' --id o {
    if ballast_start o; then
        linux '/vmlinuz-1' 'quiet' ballast.deployment=o
        initrd '/i' '/o'
    fi
}
)");
}

TEST_CASE("a menu that could start the wrong thing is not made", "[boot]") {
    const BootEntry entry = entry_with("quiet");
    CHECK_FALSE(grub_menu({}).has_value());
    CHECK_FALSE(grub_menu({{entry, "a"}, {entry, "a"}}).has_value());
    CHECK_FALSE(grub_menu({{entry, "1"}}).has_value());
    CHECK_FALSE(grub_menu({{entry, "a; reboot"}}).has_value());
    const std::string options =
        GENERATE(as<std::string>(), "a\\b", "it's", "a=b\"c d\"", "\"a\"b", "a=\"b", "a=\"b\"\"c\"", "\"");
    CAPTURE(options);
    const auto menu = grub_menu({{entry_with(options), "a"}});
    REQUIRE_FALSE(menu.has_value());
    CHECK(menu.error().code == EINVAL);
}

} // namespace
} // namespace ballast::updater
