// SPDX-License-Identifier: Apache-2.0
#include "tests/images/deb.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>
#include <format>

#include "tests/images/archive.h"
#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;

namespace {

// ar(5): a 60-byte header, the content, a newline when its length is odd.
std::string ar_member(const std::string &name, const std::string &content) {
    return std::format("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", name, 0, 0, 0, "100644", content.size()) + content +
           (content.size() % 2 == 1 ? "\n" : "");
}

std::string package(const std::string &version, Compression compression) {
    const std::vector<Entry> files{
        {.path = "usr", .kind = Kind::kDirectory, .mode = 0755},
        {.path = "usr/bin/program", .content = "ELF", .mode = 0755},
        {.path = "usr/bin/alias", .kind = Kind::kSymlink, .target = "program", .mode = 0777}};
    const std::string data = must(compress(must(write_tar(files, 0)), compression));
    return "!<arch>\n" + ar_member("debian-binary", version) + ar_member("control.tar.xz", "unread") +
           ar_member("data.tar.x", data);
}

std::string program_with(const std::string &table) {
    return "\x7f"
           "ELF" +
           std::string("[\0[[\0x", 6) + std::string(20, '\0') + "more" + table + std::string(2, '\0') + "rest";
}

} // namespace

TEST_CASE("a Debian package's files are read under any compression", "[deb]") {
    for (const Compression compression : {Compression::kNone, Compression::kGzip, Compression::kZstd}) {
        const auto files = must(read_deb(package("2.0\n", compression)));
        REQUIRE(files.size() == 3);
        CHECK(files.at("usr/bin/program").content == "ELF");
        CHECK(files.at("usr/bin/program").mode == 0755);
        CHECK(files.at("usr/bin/alias").target == "program");
    }
}

TEST_CASE("what is not a Debian package is refused by name", "[deb]") {
    CHECK_THAT(message_of(read_deb("<html>not found</html>")), ContainsSubstring("not a Debian package"));
    CHECK_THAT(message_of(read_deb("")), ContainsSubstring("not a Debian package"));
    CHECK_THAT(message_of(read_deb(package("3.0\n", Compression::kNone))), ContainsSubstring("format 2.0"));
    const std::string whole = package("2.0\n", Compression::kGzip);
    CHECK_FALSE(read_deb(std::string_view(whole).substr(0, whole.size() - 40)).has_value());
}

TEST_CASE("busybox's applets are found in its own table, past a look-alike", "[deb]") {
    std::vector<std::string> names{"[", "[["};
    for (int number = 100; number < 180; ++number) {
        names.push_back(std::format("applet{}", number));
    }
    std::string table;
    for (const std::string &name : names) {
        table += name + std::string(1, '\0');
    }
    CHECK(must(busybox_applets(program_with(table))) == names);
    CHECK_THAT(message_of(busybox_applets(program_with(""))), ContainsSubstring("is it a busybox"));
    CHECK_FALSE(busybox_applets("").has_value());
}
