// SPDX-License-Identifier: Apache-2.0
#include "image-build/tree.h"

#include <catch2/catch_test_macros.hpp>
#include <sys/stat.h>

#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

mode_t mode_of(const fs::path &path) {
    struct stat status = {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

struct Place {
    TemporaryDirectory directory = scratch();
    fs::path overlay = directory.path() / "overlay";
    fs::path tree = directory.path() / "tree";
    fs::path outside = directory.path() / "outside";

    Place() {
        for (const fs::path &path : {overlay, tree, outside}) {
            must(make_directories(path));
        }
    }
    void put(const fs::path &inside, const std::string &content, mode_t mode = 0644) const {
        must(make_directories((overlay / inside).parent_path()));
        must(write_file(overlay / inside, content));
        REQUIRE(::chmod((overlay / inside).c_str(), mode) == 0);
    }
    bool nothing_outside() const { return fs::is_empty(outside); }
};

TEST_CASE("an overlay brings files, directories and links, and replaces what is there", "[tree]") {
    const Place place;
    place.put("etc/issue", "Ballast\n");
    place.put("usr/lib/ballast/tool", "#!/bin/sh\n", 0755);
    must(make_directories(place.overlay / "var/empty"));
    fs::create_symlink("../run/file", place.overlay / "etc/link");
    must(make_directories(place.tree / "etc"));
    must(write_file(place.tree / "etc/issue", "Debian GNU/Linux, with a longer text\n", 0600));
    must(write_file(place.tree / "etc/link", "a file"));
    must(write_file(place.tree / "etc/kept", "kept"));

    must(lay_over(place.overlay, place.tree));
    CHECK(must(read_file(place.tree / "etc/issue")) == "Ballast\n");
    CHECK(must(read_file(place.tree / "etc/kept")) == "kept");
    CHECK(fs::read_symlink(place.tree / "etc/link") == "../run/file");
    CHECK(fs::is_directory(place.tree / "var/empty"));
    CHECK(must(read_file(place.tree / "usr/lib/ballast/tool")) == "#!/bin/sh\n");
}

TEST_CASE("modes are 0644, 0755 for programs and directories, whatever the checkout's are", "[tree]") {
    const Place place;
    place.put("plain", "x", 0600);
    place.put("shared", "x", 0666);
    place.put("program", "x", 0700);
    place.put("setuid", "x", 04755);
    place.put("private/file", "x", 0444);
    REQUIRE(::chmod((place.overlay / "private").c_str(), 0700) == 0);
    const mode_t before = ::umask(0077);
    const Status laid = lay_over(place.overlay, place.tree);
    ::umask(before);
    must(laid);
    CHECK(mode_of(place.tree / "plain") == 0644);
    CHECK(mode_of(place.tree / "shared") == 0644);
    CHECK(mode_of(place.tree / "program") == 0755);
    CHECK(mode_of(place.tree / "setuid") == 0755);
    CHECK(mode_of(place.tree / "private/file") == 0644);
    CHECK(mode_of(place.tree / "private") == 0755);
}

TEST_CASE("the result is root's, not of whoever checked out", "[tree][root]") {
    const Place place;
    place.put("etc/issue", "x");
    if (::chown((place.overlay / "etc/issue").c_str(), 1000, 1000) != 0 ||
        ::chown((place.overlay / "etc").c_str(), 1000, 1000) != 0) {
        SKIP("needs root, to give files away");
    }
    must(lay_over(place.overlay, place.tree));
    for (const char *path : {"etc", "etc/issue"}) {
        struct stat status = {};
        REQUIRE(::lstat((place.tree / path).c_str(), &status) == 0);
        CHECK(status.st_uid == 0);
        CHECK(status.st_gid == 0);
    }
}

TEST_CASE("links of the tree never lead an overlay outside", "[tree]") {
    const Place place;
    place.put("etc/ssh/sshd_config", "ours");
    must(make_directories(place.tree / "etc"));
    fs::create_directory_symlink(place.outside,
                                 place.tree / "etc/ssh"); // absolute: means TREE/tmp/…, which is not there
    CHECK_FALSE(lay_over(place.overlay, place.tree).has_value());
    CHECK(place.nothing_outside());

    fs::remove(place.tree / "etc/ssh");
    fs::create_directory_symlink("../../outside", place.tree / "etc/ssh");
    CHECK_FALSE(lay_over(place.overlay, place.tree).has_value());
    CHECK(place.nothing_outside());
}

TEST_CASE("a final link of the tree is replaced by the overlay's file", "[tree]") {
    const Place place;
    must(write_file(place.outside / "victim", "untouched"));
    place.put("etc/file", "ours");
    must(make_directories(place.tree / "etc"));
    fs::create_symlink(place.outside / "victim", place.tree / "etc/file");
    must(lay_over(place.overlay, place.tree));
    CHECK(must(read_file(place.outside / "victim")) == "untouched");
    CHECK(fs::is_regular_file(fs::symlink_status(place.tree / "etc/file")));
}

TEST_CASE("links inside of a merged /usr are followed", "[tree]") {
    const Place place;
    place.put("lib/systemd/unit", "x");
    must(make_directories(place.tree / "usr/lib"));
    fs::create_directory_symlink("usr/lib", place.tree / "lib");
    must(lay_over(place.overlay, place.tree));
    CHECK(fs::is_symlink(fs::symlink_status(place.tree / "lib")));
    CHECK(must(read_file(place.tree / "usr/lib/systemd/unit")) == "x");
}

TEST_CASE("a missing overlay is an error", "[tree]") {
    const Place place;
    const Error error = error_of(lay_over(place.directory.path() / "missing", place.tree));
    CHECK(error.code == ENOENT);
    CHECK(error.message.contains("missing"));
}

TEST_CASE("a tree holds exactly one kernel", "[tree]") {
    const Place place;
    const fs::path modules = place.tree / "usr/lib/modules";
    CHECK(error_of(kernel_release(place.tree)).message.contains("0 kernels"));
    must(make_directories(modules));
    CHECK(error_of(kernel_release(place.tree)).message.contains("0 kernels"));
    must(make_directories(modules / "6.12.1-amd64"));
    CHECK(must(kernel_release(place.tree)) == "6.12.1-amd64");
    must(make_directories(modules / "6.12.2-amd64"));
    const Error error = error_of(kernel_release(place.tree));
    CHECK(error.code == EINVAL);
    CHECK(error.message.contains("2 kernels"));
}

} // namespace
} // namespace ballast::image_build
