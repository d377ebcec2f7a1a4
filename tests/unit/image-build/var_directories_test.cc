// SPDX-License-Identifier: Apache-2.0
#include "image-build/var_directories.h"

#include <catch2/catch_test_macros.hpp>
#include <sys/stat.h>

#include "base/subprocess.h"
#include "tests/unit/check.h"

namespace ballast::image_build {
namespace {

namespace fs = std::filesystem;

void make(const fs::path &path, mode_t mode) {
    must(make_directories(path));
    REQUIRE(::chmod(path.c_str(), mode) == 0);
}

TEST_CASE("directories and links below /var become tmpfiles.d lines, sorted by path", "[var_directories]") {
    const TemporaryDirectory tree = scratch();
    const fs::path var = tree.path() / "var";
    make(var, 0755);
    make(var / "lib", 0755);
    make(var / "lib/private", 0700);
    make(var / "tmp", 01777);
    make(var / "log", 02755);
    must(write_file(var / "lib/private/file", "not listed"));
    fs::create_symlink("/run", var / "run");
    fs::create_directory_symlink("lib", var / "link");
    struct stat owner = {};
    REQUIRE(::stat(var.c_str(), &owner) == 0);
    const std::string ids = " " + std::to_string(owner.st_uid) + " " + std::to_string(owner.st_gid) + " -\n";

    const std::string text = must(var_as_tmpfiles(tree.path()));
    CHECK(text.substr(text.find('\n') + 1) == "d /var/lib 0755" + ids + "d /var/lib/private 0700" + ids +
                                                  "L /var/link - - - - lib\n" + "d /var/log 2755" + ids +
                                                  "L /var/run - - - - /run\n" + "d /var/tmp 1777" + ids);
    CHECK(text.starts_with("# "));
}

TEST_CASE("owners are written as numbers", "[var_directories][root]") {
    const TemporaryDirectory tree = scratch();
    make(tree.path() / "var/lib/app", 0750);
    if (::chown((tree.path() / "var/lib/app").c_str(), 991, 992) != 0) {
        SKIP("needs root, to give a directory away");
    }
    CHECK(must(var_as_tmpfiles(tree.path())).contains("d /var/lib/app 0750 991 992 -\n"));
}

TEST_CASE("what belongs to removed tools is left out, whole components only", "[var_directories]") {
    const TemporaryDirectory tree = scratch();
    for (const char *path : {"lib/dpkg/info", "lib/dpkg-like", "lib/apt/lists/partial", "log/apt", "cache/debconf"}) {
        make(tree.path() / "var" / path, 0755);
    }
    const std::string text = must(var_as_tmpfiles(tree.path()));
    CHECK(text.contains("/var/lib/dpkg-like "));
    CHECK_FALSE(text.contains("/var/lib/dpkg "));
    CHECK_FALSE(text.contains("/var/lib/dpkg/"));
    CHECK_FALSE(text.contains("apt"));
    CHECK_FALSE(text.contains("debconf"));
}

TEST_CASE("a name that tmpfiles.d would read differently is refused", "[var_directories]") {
    for (const char *name : {"with space", "per%cent", "back\\slash", "quo\"te", "new\nline"}) {
        INFO(name);
        const TemporaryDirectory tree = scratch();
        make(tree.path() / "var/lib" / name, 0755);
        const Error error = error_of(var_as_tmpfiles(tree.path()));
        CHECK(error.code == EINVAL);
        CHECK(error.message.contains("tmpfiles.d"));
    }
}

TEST_CASE("a link whose target tmpfiles.d would read differently is refused", "[var_directories]") {
    const TemporaryDirectory tree = scratch();
    make(tree.path() / "var", 0755);
    fs::create_symlink("/run/%b", tree.path() / "var/link"); // would become the machine's boot id
    CHECK(error_of(var_as_tmpfiles(tree.path())).code == EINVAL);
}

TEST_CASE("systemd-tmpfiles makes the same directories again", "[var_directories][root]") {
    const TemporaryDirectory tree = scratch();
    make(tree.path() / "var/lib/app/deep", 0711);
    make(tree.path() / "var/spool", 01777);
    fs::create_symlink("../spool", tree.path() / "var/lib/link");
    const std::string text = must(var_as_tmpfiles(tree.path()));
    const TemporaryDirectory machine = scratch();
    must(make_directories(machine.path() / "usr/lib/tmpfiles.d"));
    must(write_file(machine.path() / "usr/lib/tmpfiles.d/packages.conf", text));
    const Result<Completed> made =
        run({.arguments = {"systemd-tmpfiles", "--root=" + machine.path().string(), "--create", "packages.conf"}});
    if (::geteuid() != 0 || (!made.has_value() && made.error().code == ENOENT)) {
        SKIP("needs root and systemd-tmpfiles");
    }
    INFO(made->errors);
    CHECK(made->status == 0);
    CHECK(must(var_as_tmpfiles(machine.path())) == text);
}

} // namespace
} // namespace ballast::image_build
