// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/log_links.h"

#include <filesystem>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
namespace fs = std::filesystem;

TEST_CASE("links to logs are called as collectors read them", "[agent]") {
    CHECK(log_link_name("web-1", "default", "main", "0123abcd") == "web-1_default_main-0123abcd.log");
    const std::string longest = log_link_name(std::string(250, 'p'), "default", "main", "0123abcd");
    CHECK(longest == std::string(250, 'p') + "_.log");
}

TEST_CASE("links to logs are made, corrected, and removed when they lead nowhere", "[agent]") {
    const TemporaryDirectory directory = scratch();
    const fs::path links = directory.path() / "containers", log = directory.path() / "0.log";
    must(write_file(log, "text"));
    must(keep_log_links(links, {{.name = "early.log", .log = directory.path() / "none"}}));
    CHECK_FALSE(fs::exists(links));

    must(keep_log_links(links, {{.name = "a.log", .log = log}}));
    CHECK(fs::read_symlink(links / "a.log") == log);
    fs::create_symlink("/nothing", links / "dead.log");
    fs::create_symlink("/nothing", links / "turned.log");
    fs::create_symlink("/nothing", links / "no-log");
    fs::remove(links / "a.log");
    fs::create_symlink("/elsewhere", links / "a.log");
    must(write_file(links / "file.log", ""));
    must(keep_log_links(links, {{.name = "a.log", .log = log},
                                {.name = "turned.log", .log = directory.path() / "none", .written = true}}));
    CHECK(fs::read_symlink(links / "a.log") == log);
    CHECK_FALSE(fs::is_symlink(links / "dead.log"));
    CHECK(fs::is_symlink(links / "turned.log"));
    CHECK(fs::is_symlink(links / "no-log"));
    CHECK(fs::exists(links / "file.log"));

    must(unlink_log(links, "a.log"));
    must(unlink_log(links, "a.log"));
    CHECK_FALSE(fs::is_symlink(links / "a.log"));
    CHECK(fs::exists(log));
}
