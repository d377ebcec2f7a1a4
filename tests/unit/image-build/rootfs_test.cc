// SPDX-License-Identifier: Apache-2.0
#include "image-build/rootfs.h"

#include <catch2/catch_test_macros.hpp>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

struct Place {
    TemporaryDirectory directory = scratch();
    CachedArchive archive{directory.path() / "cache", "rootfs", "key"};
    fs::path checksum = archive.file().string() + ".sha256";
    fs::path log = directory.path() / "log";

    fs::path made(const std::string &content) const {
        must(write_file(directory.path() / "made.tar", content));
        return directory.path() / "made.tar";
    }
};

TEST_CASE("a stored archive is usable, whole and under its name", "[rootfs]") {
    const Place place;
    CHECK(place.archive.file() == place.directory.path() / "cache/rootfs/key.tar");
    CHECK_FALSE(must(place.archive.usable()));
    must(place.archive.store(place.made("content")));
    CHECK(must(place.archive.usable()));
    CHECK(must(read_file(place.archive.file())) == "content");
    CHECK_FALSE(fs::exists(place.directory.path() / "made.tar"));
    must(place.archive.store(place.made("newer content")));
    CHECK(must(place.archive.usable()));
    CHECK(must(read_file(place.archive.file())) == "newer content");
}

TEST_CASE("a damaged archive is removed, so that it is made again", "[rootfs]") {
    const Place place;
    must(place.archive.store(place.made("content")));
    SECTION("a flipped byte") { must(write_file(place.archive.file(), "cOntent")); }
    SECTION("a truncated file") { must(write_file(place.archive.file(), "")); }
    SECTION("a damaged checksum") { must(write_file(place.checksum, std::string(64, '0'))); }
    SECTION("an empty checksum, as a power cut can leave it") { must(write_file(place.checksum, "")); }
    CHECK_FALSE(must(place.archive.usable()));
    CHECK_FALSE(fs::exists(place.archive.file()));
    CHECK_FALSE(fs::exists(place.checksum));
    must(place.archive.store(place.made("content")));
    CHECK(must(place.archive.usable()));
}

TEST_CASE("an archive without its checksum does not count", "[rootfs]") {
    const Place place;
    must(place.archive.store(place.made("content")));
    fs::remove(place.checksum); // the build was killed before it was written
    CHECK_FALSE(must(place.archive.usable()));
    must(write_file(place.checksum, sha256("content")));
    CHECK(must(place.archive.usable()));
    fs::remove(place.archive.file());
    CHECK_FALSE(must(place.archive.usable()));
}

TEST_CASE("storing what was not made is an error and keeps the old archive out of use", "[rootfs]") {
    const Place place;
    const Error error = error_of(place.archive.store(place.directory.path() / "missing.tar"));
    CHECK(error.code == ENOENT);
    CHECK(error.message.contains("missing.tar"));
    CHECK_FALSE(must(place.archive.usable()));
}

TEST_CASE("a tree goes into an archive and comes out the same", "[rootfs]") {
    const Place place;
    const fs::path tree = place.directory.path() / "tree";
    must(make_directories(tree / "usr/bin"));
    must(write_file(tree / "usr/bin/tool", "x", 0755));
    REQUIRE(::chmod((tree / "usr/bin/tool").c_str(), 04711) == 0);
    fs::create_hard_link(tree / "usr/bin/tool", tree / "usr/bin/same");
    fs::create_symlink("usr/bin", tree / "bin");
    must(make_directories(tree / "tmp", 01777));

    must(CachedArchive::pack(tree, place.directory.path() / "made.tar", 1000, place.log));
    must(place.archive.store(place.directory.path() / "made.tar"));
    const fs::path copy = place.directory.path() / "copy";
    must(make_directories(copy));
    must(place.archive.unpack(copy, place.log));
    struct stat tool = {};
    struct stat same = {};
    REQUIRE(::lstat((copy / "usr/bin/tool").c_str(), &tool) == 0);
    REQUIRE(::lstat((copy / "usr/bin/same").c_str(), &same) == 0);
    CHECK(tool.st_ino == same.st_ino);
    CHECK((tool.st_mode & 07777) == 04711);
    CHECK(tool.st_mtime == 1000);
    CHECK(fs::read_symlink(copy / "bin") == "usr/bin");
    CHECK((fs::status(copy / "tmp").permissions() & fs::perms::mask) == static_cast<fs::perms>(01777));
}

TEST_CASE("the same tree gives the same archive, whenever and in whatever order it was made", "[rootfs]") {
    const Place place;
    const auto pack = [&](const std::string &name, std::initializer_list<const char *> files) {
        const fs::path tree = place.directory.path() / name;
        must(make_directories(tree));
        for (const char *file : files) {
            must(write_file(tree / file, file));
        }
        fs::last_write_time(tree, fs::file_time_type::clock::now() - std::chrono::hours(name.size()));
        must(CachedArchive::pack(tree, place.directory.path() / (name + ".tar"), 1000, place.log));
        return must(sha256_file(place.directory.path() / (name + ".tar")));
    };
    CHECK(pack("one", {"a", "b", "c"}) == pack("second", {"c", "a", "b"}));
}

TEST_CASE("unpacking a broken archive says what tar said", "[rootfs]") {
    const Place place;
    must(place.archive.store(place.made("this is no archive, but more than 512 bytes" + std::string(600, '.'))));
    must(make_directories(place.directory.path() / "copy"));
    const Error error = error_of(place.archive.unpack(place.directory.path() / "copy", place.log));
    CHECK(error.message.starts_with("tar: "));
    CHECK(error.message.contains("tar archive"));
}

} // namespace
} // namespace ballast::image_build
