// SPDX-License-Identifier: Apache-2.0
#include "base/root_dir.h"

#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

// A root that its owner filled with traps, and a directory beside it that must never be reached from inside.
struct Trap {
    TemporaryDirectory directory = scratch();
    fs::path tree = directory.path() / "tree";
    fs::path outside = directory.path() / "outside";

    Trap() {
        must(make_directories(tree / "etc"));
        must(make_directories(outside));
        must(write_file(outside / "secret", "outside"));
        must(write_file(tree / "etc/passwd", "inside"));
        fs::create_symlink("/etc/passwd", tree / "absolute");
        fs::create_symlink("../../../../../../etc/passwd", tree / "etc/climbing");
        fs::create_directory_symlink("../outside", tree / "relative_directory");
        fs::create_directory_symlink(outside, tree / "absolute_directory");
    }
    RootDir open() const { return must(RootDir::open(tree)); }
    bool outside_is_untouched() const {
        return must(read_file(outside / "secret")) == "outside" &&
               std::distance(fs::directory_iterator(outside), fs::directory_iterator()) == 1;
    }
};

mode_t mode_of(const fs::path &path) {
    struct stat status = {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

TEST_CASE("links and dots of a root lead back into it", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    // The host has an /etc/passwd, too: "inside" shows whose was read.
    for (const char *path : {"etc/passwd", "/etc/passwd", "absolute", "etc/climbing", "../../../etc/passwd",
                             "etc/../../etc/passwd", "./etc//passwd"}) {
        INFO(path);
        CHECK(must(root.read(path)) == "inside");
    }
    for (const char *path : {"relative_directory/secret", "absolute_directory/secret", "../outside/secret"}) {
        INFO(path);
        CHECK(error_of(root.read(path)).code == ENOENT);
    }
}

TEST_CASE("O_NOFOLLOW stops at a final link", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    CHECK(error_of(root.open_path("absolute", O_RDONLY | O_NOFOLLOW)).code == ELOOP);
    const Fd fd = must(root.open_path("absolute", O_RDONLY));
    CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    must(root.open_path("", O_PATH | O_DIRECTORY)); // the root itself
}

TEST_CASE("magic links of /proc do not lead out", "[root_dir]") {
    const RootDir proc = must(RootDir::open("/proc/self"));
    CHECK(error_of(proc.open_path("root/etc/passwd", O_RDONLY)).code == ELOOP);
    CHECK(error_of(proc.open_path("cwd", O_PATH | O_DIRECTORY)).code == ELOOP);
}

TEST_CASE("a file is written inside, with its parents and exact modes", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    const mode_t before = ::umask(0077);
    const Status written = root.write("/usr/lib/new/file", "x", 0664);
    const Status directories = root.make_directories("srv/deep/er", 0711);
    ::umask(before);
    must(written);
    must(directories);
    CHECK(must(read_file(trap.tree / "usr/lib/new/file")) == "x");
    CHECK(mode_of(trap.tree / "usr/lib/new/file") == 0664);
    CHECK(mode_of(trap.tree / "usr/lib") == 0755);
    CHECK(mode_of(trap.tree / "srv/deep/er") == 0711);
}

TEST_CASE("writing never follows a link out of the root", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    CHECK_FALSE(root.write("relative_directory/file", "x").has_value());
    CHECK_FALSE(root.write("absolute_directory/file", "x").has_value());
    CHECK_FALSE(root.make_directories("relative_directory/sub").has_value());
    must(root.write("../outside/file", "x")); // ".." of the root is the root
    CHECK(fs::exists(trap.tree / "outside/file"));

    // A final link, as a package or an image would leave it, is replaced.
    fs::create_symlink(trap.outside / "secret", trap.tree / "etc/hosts");
    must(root.write("etc/hosts", "ours"));
    CHECK(fs::is_regular_file(fs::symlink_status(trap.tree / "etc/hosts")));
    must(root.write("absolute", "ours"));
    CHECK(must(root.read("etc/passwd")) == "inside");
    CHECK(trap.outside_is_untouched());
}

TEST_CASE("a hard link is replaced, so that its other names keep their content", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    fs::create_hard_link(trap.outside / "secret", trap.tree / "etc/shared");
    must(root.write("etc/shared", "ours"));
    CHECK(must(root.read("etc/shared")) == "ours");
    CHECK(trap.outside_is_untouched());
}

TEST_CASE("parents that are links inside the root are followed", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    must(root.make_directories("usr/bin"));
    must(root.make_symlink("/usr/bin", "bin")); // absolute: of the root
    must(root.write("bin/tool", "x", 0755));
    CHECK(must(read_file(trap.tree / "usr/bin/tool")) == "x");
    must(root.make_directories("bin/sub"));
    CHECK(fs::is_directory(trap.tree / "usr/bin/sub"));
}

TEST_CASE("a failed write leaves nothing behind", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    must(root.make_directories("dir/full"));
    CHECK_FALSE(root.write("dir", "x").has_value());
    CHECK_FALSE(root.write("etc/passwd/file", "x").has_value());
    for (const auto &entry : fs::recursive_directory_iterator(trap.tree)) {
        CHECK_FALSE(entry.path().filename().string().starts_with(".ballast"));
    }
    for (const char *path : {"", "/", ".", "etc/.", "etc/.."}) {
        INFO(path);
        CHECK(error_of(root.write(path, "x")).code == EINVAL);
        CHECK(error_of(root.remove(path)).code == EINVAL);
    }
}

TEST_CASE("make_symlink replaces files, links and empty directories, not full ones", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    must(root.make_directories("empty"));
    for (const char *path : {"etc/passwd", "absolute_directory", "empty", "new/parent/link", "slash/"}) {
        INFO(path);
        must(root.make_symlink("../target", path));
        const fs::path plain = fs::path(path).has_filename() ? fs::path(path) : fs::path(path).parent_path();
        CHECK(fs::read_symlink(trap.tree / plain) == "../target");
    }
    must(root.make_directories("full"));
    must(root.write("full/file", "x"));
    CHECK(error_of(root.make_symlink("target", "full")).code == ENOTEMPTY);
    CHECK(must(root.read("full/file")) == "x");
    std::size_t entries = 0;
    for (const auto &entry : fs::recursive_directory_iterator(trap.tree)) {
        CHECK_FALSE(entry.path().filename().string().starts_with(".ballast"));
        ++entries;
    }
    CHECK(entries > 0);
    CHECK(trap.outside_is_untouched());
}

TEST_CASE("remove takes links and trees inside and nothing outside", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    must(root.remove("absolute_directory"));
    must(root.remove("relative_directory/")); // a slash behind a link does not make it the directory
    CHECK_FALSE(fs::is_symlink(fs::symlink_status(trap.tree / "absolute_directory")));
    CHECK_FALSE(fs::is_symlink(fs::symlink_status(trap.tree / "relative_directory")));
    must(root.remove("../outside")); // not there inside
    fs::create_directory_symlink("/etc", trap.tree / "link");
    must(root.remove("link/passwd")); // through a link: the root's own /etc
    CHECK_FALSE(fs::exists(trap.tree / "etc/passwd"));
    CHECK(fs::exists("/etc/passwd"));
    must(root.remove("etc"));
    must(root.remove("etc"));
    must(root.remove("etc/below/missing"));
    CHECK_FALSE(fs::exists(trap.tree / "etc"));
    CHECK(trap.outside_is_untouched());
}

TEST_CASE("exists looks at the entry itself, inside", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    fs::create_symlink("nowhere", trap.tree / "dangling");
    CHECK(root.exists("dangling"));
    CHECK(root.exists("etc/passwd"));
    CHECK(root.exists("/etc/"));
    CHECK_FALSE(root.exists("relative_directory/secret"));
    CHECK_FALSE(root.exists("missing"));
}

TEST_CASE("read refuses what is no regular file, and does not wait for a pipe", "[root_dir]") {
    const Trap trap;
    const RootDir root = trap.open();
    REQUIRE(::mkfifo((trap.tree / "pipe").c_str(), 0644) == 0);
    const Error error = error_of(root.read("pipe"));
    CHECK(error.code == EINVAL);
    CHECK(error.message.contains("pipe"));
    CHECK_FALSE(root.read("etc").has_value());
    const Error missing = error_of(root.read("etc/missing"));
    CHECK(missing.code == ENOENT);
    CHECK(missing.message.contains("etc/missing"));
    CHECK(missing.message.contains(trap.tree.string()));
}

TEST_CASE("a root must be a directory", "[root_dir]") {
    const Trap trap;
    CHECK(error_of(RootDir::open(trap.tree / "etc/passwd")).code == ENOTDIR);
    CHECK(error_of(RootDir::open(trap.tree / "missing")).code == ENOENT);
}

} // namespace
} // namespace ballast
