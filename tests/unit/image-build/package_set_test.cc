// SPDX-License-Identifier: Apache-2.0
#include "image-build/package_set.h"

#include <catch2/catch_test_macros.hpp>

#include "base/digest.h"
#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

PackageSet example() {
    return {{
        {.name = "libc6", .version = "2.41-12", .architecture = "amd64", .sha256 = sha256("libc6")},
        {.name = "libstdc++6", .version = "1:14.2.0-19", .architecture = "amd64", .sha256 = sha256("libstdc++6")},
        {.name = "shim-signed",
         .version = "1.44~1+deb13u1",
         .architecture = "all",
         .sha256 = sha256("x"),
         .boot_only = true},
    }};
}

Result<PackageSet> read(const std::string &text) {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "lock", text));
    return PackageSet::read_lock(directory.path() / "lock");
}

TEST_CASE("a package lock reads back as it was written", "[package_set]") {
    const PackageSet set = example();
    const std::string text = set.lock_text();
    CHECK(text.starts_with("libc6 2.41-12 amd64 " + sha256("libc6") + "\n"));
    CHECK(text.ends_with("shim-signed 1.44~1+deb13u1 all " + sha256("x") + " boot\n"));
    const PackageSet back = must(read(text));
    CHECK(back.packages == set.packages);
    CHECK(back.lock_text() == text);
}

TEST_CASE("a line of the lock that does not read is named by its number", "[package_set]") {
    const std::string good = "libc6 2.41-12 amd64 " + sha256("libc6");
    for (const std::string &bad : {
             std::string("libc6"),
             std::string(""),
             std::string("libc6 2.41-12 amd64"),
             std::string("libc6 2.41-12 amd64 abc123"),
             "libc6 2.41-12 amd64 " + std::string(64, 'G'),
             "libc6 2.41-12 amd64 " + std::string(64, 'A'),
             good + " bot",
             good + " boot more",
             good + "00",
             "--option 1 amd64 " + sha256("x"),
             "../../etc 1 amd64 " + sha256("x"),
             "libc6 ../1 amd64 " + sha256("x"),
             "libc6 1 amd64/.. " + sha256("x"),
         }) {
        INFO(bad);
        const Error error = error_of(read(good + "\n" + bad + "\n" + good + "\n"));
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains("lock:2: "));
    }
}

TEST_CASE("an empty or missing lock is not a lock of nothing", "[package_set]") {
    CHECK(error_of(read("")).code == EINVAL);
    CHECK(error_of(PackageSet::read_lock("/nonexistent/lock")).code == ENOENT);
}

TEST_CASE("a control character in a lock shows escaped in the message", "[package_set]") {
    CHECK(error_of(read("bad\033[2J line\n")).message.contains("\\x1b[2J"));
}

TEST_CASE("files are named as apt names them", "[package_set]") {
    CHECK(example().packages[0].file_name() == "libc6_2.41-12_amd64.deb");
    CHECK(example().packages[1].file_name() == "libstdc++6_1%3a14.2.0-19_amd64.deb");
}

TEST_CASE("a package source keeps its state beside its packages, by source", "[package_set]") {
    const TemporaryDirectory cache = scratch();
    const PackageSource one = must(PackageSource::open(cache.path(), "trixie", "http://127.0.0.1:1/debian"));
    const PackageSource two = must(PackageSource::open(cache.path(), "trixie", "http://127.0.0.1:2/debian"));
    CHECK(one.directory() == two.directory()); // packages have their digest: they may be shared
    CHECK(std::distance(fs::directory_iterator(cache.path() / "apt"), fs::directory_iterator()) == 2);
    CHECK(one.file_of(example().packages[0]) == cache.path() / "packages/libc6_2.41-12_amd64.deb");
}

TEST_CASE("without network and without cached lists, updating says what to do", "[package_set]") {
    const TemporaryDirectory cache = scratch();
    PackageSource source = must(PackageSource::open(cache.path(), "trixie", "file:/nonexistent/debian"));
    std::string warning;
    const Error error = error_of(source.update(cache.path() / "log", warning));
    CHECK(error.code == ENETUNREACH);
    CHECK(error.message.contains("BALLAST_DEBIAN_MIRROR"));
    CHECK(warning.empty());
}

} // namespace
} // namespace ballast::image_build
