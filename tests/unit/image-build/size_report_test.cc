// SPDX-License-Identifier: Apache-2.0
#include "image-build/size_report.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>

#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

// A trimmed root file system with two packages.
struct Tree {
    TemporaryDirectory directory = scratch();

    Tree() {
        put("usr/lib/big/data", 5'000'000);
        put("usr/lib/big/deep/er/still/more", 1'000'000);
        put("usr/bin/tool", 2'000'000);
        put("vmlinuz", 100);
        list("big:amd64", "/.\n/usr\n/usr/lib/big\n/usr/lib/big/data\n/usr/lib/big/deep/er/still/more\n");
        list("tool", "/usr/bin/tool\n/usr/bin/alias\n/usr/share/removed\n");
        fs::create_symlink("tool", directory.path() / "usr/bin/alias");
        put("var/lib/dpkg/info/tool.md5sums", 10);
    }
    void put(const fs::path &inside, std::size_t size) const {
        must(make_directories((directory.path() / inside).parent_path()));
        must(write_file(directory.path() / inside, std::string(size, 'x')));
    }
    void list(const std::string &package, const std::string &files) const {
        must(make_directories(directory.path() / "var/lib/dpkg/info"));
        must(write_file(directory.path() / "var/lib/dpkg/info" / (package + ".list"), files));
    }
};

std::uint64_t bytes_of(const std::vector<Size> &sizes, const std::string &name) {
    const auto found = std::ranges::find(sizes, name, &Size::name);
    return found == sizes.end() ? 0 : found->bytes;
}

TEST_CASE("packages weigh what of their files is still there", "[size_report]") {
    const SizeReport report = must(measure(Tree().directory.path()));
    REQUIRE(report.packages.size() == 2);
    CHECK(report.packages[0].name == "big"); // without its architecture
    CHECK(report.packages[0].bytes == 6'000'000);
    CHECK(report.packages[1].name == "tool");
    CHECK(report.packages[1].bytes == 2'000'000); // the link weighs nothing
}

TEST_CASE("directories weigh all below them, two to four levels deep", "[size_report]") {
    const Tree tree;
    const SizeReport report = must(measure(tree.directory.path()));
    CHECK(bytes_of(report.directories, "usr/lib") == 6'000'000);
    CHECK(bytes_of(report.directories, "usr/lib/big") == 6'000'000);
    CHECK(bytes_of(report.directories, "usr/lib/big/deep") == 1'000'000);
    CHECK(bytes_of(report.directories, "usr/lib/big/deep/er") == 0);
    CHECK(bytes_of(report.directories, "usr") == 0);
    CHECK(bytes_of(report.directories, "usr/bin") == 2'000'000);
    CHECK(std::ranges::is_sorted(report.directories, std::ranges::greater{}, &Size::bytes));
}

TEST_CASE("a hard-linked file counts once in the total", "[size_report]") {
    const Tree tree;
    const std::uint64_t before = must(measure(tree.directory.path())).total;
    CHECK(before > 8'000'000);
    fs::create_hard_link(tree.directory.path() / "usr/bin/tool", tree.directory.path() / "usr/bin/same");
    fs::create_hard_link(tree.directory.path() / "usr/bin/tool", tree.directory.path() / "usr/lib/same");
    const SizeReport report = must(measure(tree.directory.path()));
    CHECK(report.total == before);
    CHECK(bytes_of(report.directories, "usr/bin") + bytes_of(report.directories, "usr/lib") == 8'000'000);
}

TEST_CASE("a hard-linked file counts once in its package", "[size_report]") {
    const Tree tree;
    fs::create_hard_link(tree.directory.path() / "usr/bin/tool", tree.directory.path() / "usr/bin/same");
    tree.list("tool", "/usr/bin/tool\n/usr/bin/same\n");
    CHECK(bytes_of(must(measure(tree.directory.path())).packages, "tool") == 2'000'000);
}

TEST_CASE("the text names the biggest ones and no more than asked for", "[size_report]") {
    const SizeReport report = {.total = 123'456'789,
                               .packages = {{"big", 78'000'000}, {"small", 1'250'000}, {"tiny", 1}},
                               .directories = {{"usr/lib", 100'000'000}}};
    CHECK(report.text(2) == "123.5 MB in all\n"
                            "\nbiggest packages\n"
                            "    78.0 MB  big\n"
                            "     1.2 MB  small\n"
                            "\nbiggest directories\n"
                            "   100.0 MB  usr/lib\n");
}

TEST_CASE("a tree without dpkg's database is an error", "[size_report]") {
    const TemporaryDirectory tree = scratch();
    const Error error = error_of(measure(tree.path()));
    CHECK(error.code == ENOENT);
    CHECK(error.message.contains("var/lib/dpkg/info"));
}

} // namespace
} // namespace ballast::image_build
