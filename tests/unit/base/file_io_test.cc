// SPDX-License-Identifier: Apache-2.0
#include "base/file_io.h"

#include <array>
#include <atomic>
#include <catch2/catch_test_macros.hpp>
#include <chrono>
#include <csignal>
#include <fcntl.h>
#include <linux/fs.h>
#include <optional>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <thread>

#include "tests/unit/check.h"

namespace ballast {
namespace {

namespace fs = std::filesystem;

class Umask {
  public:
    explicit Umask(mode_t mask) : before_(::umask(mask)) {}
    Umask(const Umask &) = delete;
    Umask &operator=(const Umask &) = delete;
    ~Umask() { ::umask(before_); }

  private:
    mode_t before_;
};

mode_t mode_of(const fs::path &path) {
    struct stat status = {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    return status.st_mode & 07777;
}

std::size_t entries_of(const fs::path &directory) {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(directory), fs::directory_iterator()));
}

bool add_flags(const fs::path &path, int added) {
    const Fd fd = must(open_file(path, O_RDONLY));
    int flags = 0;
    if (::ioctl(fd.get(), FS_IOC_GETFLAGS, &flags) != 0) {
        return false;
    }
    flags |= added;
    return ::ioctl(fd.get(), FS_IOC_SETFLAGS, &flags) == 0;
}

TEST_CASE("a descriptor is closed once, whoever held it last", "[fd]") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    Fd moved = std::move(write_end);
    CHECK_FALSE(write_end.is_open()); // NOLINT(bugprone-use-after-move): that is what is tested
    Fd copy = must(moved.duplicate());
    CHECK(copy.get() != moved.get());
    CHECK((::fcntl(copy.get(), F_GETFD) & FD_CLOEXEC) != 0);
    moved.close();
    char byte = 0;
    REQUIRE(::write(copy.get(), "x", 1) == 1);
    CHECK(::read(read_end.get(), &byte, 1) == 1);
    copy = Fd(); // the last writer: the reader sees the end
    CHECK(::read(read_end.get(), &byte, 1) == 0);
    CHECK(error_of(copy.duplicate()).code == EBADF);
}

TEST_CASE("opened files do not leak into programs", "[file_io]") {
    const Fd fd = must(open_file("/dev/null", O_RDONLY));
    CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    CHECK(error_of(open_file("/nonexistent/file", O_RDONLY)).message ==
          "open /nonexistent/file: No such file or directory");
}

TEST_CASE("a file is read whole, within the limit", "[file_io]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "file";
    const std::string content = std::string(200'000, 'x') + std::string("\0end", 4);
    must(write_file(file, content));
    CHECK(must(read_file(file)) == content);
    CHECK(must(read_file(file, content.size())) == content);
    const Error error = error_of(read_file(file, content.size() - 1));
    CHECK(error.code == EFBIG);
    CHECK(error.message.contains(file.string()));
    CHECK(error_of(read_file(directory.path())).code == EISDIR);
}

TEST_CASE("files whose size the kernel does not know are read, too", "[file_io]") {
    CHECK(must(read_file("/proc/self/cmdline")).size() > 1); // fstat() says 0 bytes
}

TEST_CASE("write_file empties what was there and keeps its mode", "[file_io]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "file";
    must(write_file(file, "a long content", 0600));
    CHECK(mode_of(file) == 0600);
    must(write_file(file, "short"));
    CHECK(must(read_file(file)) == "short");
    CHECK(mode_of(file) == 0600);
    CHECK(error_of(write_file(directory.path() / "no/such", "x")).code == ENOENT);
}

TEST_CASE("a full device is an error that names the file", "[file_io]") {
    const Error error = error_of(write_file("/dev/full", "x"));
    CHECK(error.code == ENOSPC);
    CHECK(error.message.contains("/dev/full"));
}

TEST_CASE("write_all survives a reader that takes little at a time", "[file_io]") {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    const Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    const std::string content(1 << 20, 'x'); // far more than a pipe holds
    std::string received;
    std::thread reader([&] {
        std::array<char, 1000> block{};
        for (ssize_t got = 0; (got = ::read(read_end.get(), block.data(), block.size())) > 0;) {
            received.append(block.data(), static_cast<std::size_t>(got));
        }
    });
    const Status written = write_all(write_end, content);
    write_end.close();
    reader.join();
    must(written);
    CHECK(received == content);
}

TEST_CASE("replace_file swaps the content and leaves nothing beside it", "[file_io]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "state.json";
    must(replace_file(file, "one"));
    CHECK(must(read_file(file)) == "one");
    const Fd reader = must(open_file(file, O_RDONLY));
    must(replace_file(file, "two", 0600));
    CHECK(must(read_file(file)) == "two");
    CHECK(mode_of(file) == 0600);
    CHECK(must(read_all(reader, "the old file")) == "one"); // a new inode: whoever reads the old one is not disturbed
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("replace_file gives the exact mode, whatever the umask", "[file_io]") {
    const auto directory = scratch();
    const Umask strict(0077);
    must(replace_file(directory.path() / "file", "x", 0664));
    CHECK(mode_of(directory.path() / "file") == 0664);
}

TEST_CASE("replace_file replaces a link and not what it points at", "[file_io]") {
    const auto directory = scratch();
    const fs::path target = directory.path() / "target";
    const fs::path link = directory.path() / "link";
    must(write_file(target, "untouched"));
    fs::create_symlink("target", link);
    must(replace_file(link, "new"));
    CHECK(must(read_file(target)) == "untouched");
    CHECK(fs::is_regular_file(fs::symlink_status(link)));
}

TEST_CASE("a replace_file that fails leaves the old content and no temporary file", "[file_io]") {
    const auto directory = scratch();
    const fs::path occupied = directory.path() / "occupied";
    fs::create_directory(occupied);
    const Error error = error_of(replace_file(occupied, "x")); // a file cannot be renamed over a directory
    CHECK(error.code == EISDIR);
    CHECK(error.message.contains(occupied.string()));
    CHECK(entries_of(directory.path()) == 1);
    CHECK(fs::is_directory(occupied));
    CHECK(error_of(replace_file(directory.path() / "no/such", "x")).code == ENOENT);
}

TEST_CASE("replace_file on a full disk leaves the old content and no temporary file", "[file_io]") {
    const auto directory = scratch();
    const fs::path file = directory.path() / "file";
    must(write_file(file, "old"));
    // A limit on file sizes stops write(2) as a full disk would; in a child, because limits cannot be raised again.
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit limit = {1000, 1000};
        (void)::signal(SIGXFSZ, SIG_IGN);
        (void)::setrlimit(RLIMIT_FSIZE, &limit);
        const Status status = replace_file(file, std::string(5000, 'x'));
        ::_exit(!status.has_value() && status.error().code == EFBIG ? 0 : 1);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK(must(read_file(file)) == "old");
    CHECK(entries_of(directory.path()) == 1);
}

TEST_CASE("replace_file takes a name without a directory, and the longest name there is", "[file_io]") {
    const auto directory = scratch();
    const fs::path before = fs::current_path();
    fs::current_path(directory.path());
    const std::string longest(255, 'n');
    const Status plain = replace_file("plain", "x");
    const Status longest_name = replace_file(longest, "y");
    const Status synced = sync_directory(".");
    fs::current_path(before);
    must(plain);
    must(longest_name);
    must(synced);
    CHECK(must(read_file(directory.path() / longest)) == "y");
}

TEST_CASE("make_directories makes all of a path with the mode and keeps what is there", "[file_io]") {
    const auto directory = scratch();
    const Umask strict(0077);
    must(make_directories(directory.path() / "a"));
    fs::permissions(directory.path() / "a", fs::perms::owner_all);
    must(make_directories(directory.path() / "a/b/c", 0751));
    CHECK(mode_of(directory.path() / "a") == 0700);
    CHECK(mode_of(directory.path() / "a/b") == 0751);
    CHECK(mode_of(directory.path() / "a/b/c") == 0751);
    must(make_directories(directory.path() / "a/b/c", 0700));
    CHECK(mode_of(directory.path() / "a/b/c") == 0751);
    must(make_directories("/proc/self")); // mkdir would be refused there
}

TEST_CASE("make_directories goes through links to directories and stops at files", "[file_io]") {
    const auto directory = scratch();
    must(make_directories(directory.path() / "real"));
    fs::create_directory_symlink("real", directory.path() / "link");
    must(make_directories(directory.path() / "link/sub/"));
    CHECK(fs::is_directory(directory.path() / "real/sub"));
    must(write_file(directory.path() / "file", ""));
    const Error error = error_of(make_directories(directory.path() / "file/sub"));
    CHECK(error.code == ENOTDIR);
    CHECK(error.message.contains((directory.path() / "file").string()));
    CHECK_FALSE(make_directories(directory.path() / "file").has_value());
}

TEST_CASE("remove_tree removes links, not what they point at", "[file_io]") {
    const auto directory = scratch();
    const fs::path outside = directory.path() / "outside";
    const fs::path tree = directory.path() / "tree";
    must(make_directories(outside));
    must(write_file(outside / "precious", "x"));
    must(make_directories(tree / "a/b"));
    must(write_file(tree / "a/b/file", "x"));
    fs::create_directory_symlink(outside, tree / "a/link");
    fs::create_symlink("nowhere", tree / "dangling");
    must(remove_tree(tree));
    CHECK_FALSE(fs::exists(tree));
    CHECK(fs::exists(outside / "precious"));

    fs::create_directory_symlink(outside, tree); // the tree itself is a link, with and without a slash behind it
    must(remove_tree(tree / ""));
    CHECK_FALSE(fs::is_symlink(fs::symlink_status(tree)));
    fs::create_directory_symlink(outside, tree);
    must(remove_tree(tree));
    CHECK_FALSE(fs::is_symlink(fs::symlink_status(tree)));
    CHECK(fs::exists(outside / "precious"));
}

TEST_CASE("remove_tree takes what is missing, and plain files", "[file_io]") {
    const auto directory = scratch();
    must(remove_tree(directory.path() / "missing"));
    must(remove_tree(directory.path() / "missing/below"));
    must(write_file(directory.path() / "file", ""));
    must(remove_tree(directory.path() / "file"));
    CHECK(entries_of(directory.path()) == 0);
    for (const char *path : {"", ".", "..", "/"}) {
        CHECK(error_of(remove_tree(path)).code == EINVAL);
    }
}

TEST_CASE("remove_tree needs no memory of how many entries a directory has", "[file_io]") {
    const auto directory = scratch();
    const fs::path tree = directory.path() / "tree";
    must(make_directories(tree));
    for (int i = 0; i < 3000; ++i) {
        must(write_file(tree / std::to_string(i), ""));
    }
    must(remove_tree(tree));
    CHECK_FALSE(fs::exists(tree));
}

TEST_CASE("remove_tree goes deeper than descriptors and path lengths reach", "[file_io]") {
    const auto directory = scratch();
    const fs::path tree = directory.path() / "tree";
    must(make_directories(tree));
    Fd level = must(open_file(tree, O_RDONLY | O_DIRECTORY));
    const std::string name(40, 'd'); // 1500 * 41 bytes: far beyond PATH_MAX, and 1500 levels beyond RLIMIT_NOFILE
    for (int depth = 0; depth < 1500; ++depth) {
        REQUIRE(::mkdirat(level.get(), name.c_str(), 0755) == 0);
        level = Fd(::openat(level.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        REQUIRE(level.is_open());
    }
    rlimit before{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before) == 0);
    const rlimit few = {256, before.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &few) == 0);
    const Status removed = remove_tree(tree);
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &before) == 0);
    must(removed);
    CHECK_FALSE(fs::exists(tree));
}

TEST_CASE("remove_tree clears the immutable and append-only flags", "[file_io][root]") {
    const auto directory = scratch();
    const fs::path tree = directory.path() / "tree";
    must(make_directories(tree / "deployment/etc"));
    must(write_file(tree / "deployment/etc/file", "x"));
    must(write_file(tree / "journal", "x"));
    if (!add_flags(tree / "deployment/etc/file", FS_IMMUTABLE_FL)) {
        SKIP("needs root and a file system that knows the immutable flag");
    }
    REQUIRE(add_flags(tree / "deployment", FS_IMMUTABLE_FL));
    REQUIRE(add_flags(tree / "journal", FS_APPEND_FL));
    REQUIRE(::unlink((tree / "journal").c_str()) == -1); // the flags do stop a plain removal
    REQUIRE(::rmdir((tree / "deployment/etc").c_str()) == -1);
    must(remove_tree(tree));
    CHECK_FALSE(fs::exists(tree));
}

TEST_CASE("remove_tree leaves what is mounted into the tree alone", "[file_io][root]") {
    const auto directory = scratch();
    const fs::path precious = directory.path() / "precious";
    const fs::path tree = directory.path() / "tree";
    must(make_directories(precious));
    must(make_directories(tree / "mnt"));
    must(write_file(precious / "file", "x"));
    const int status = in_mount_namespace([&] {
        if (::mount(precious.c_str(), (tree / "mnt").c_str(), nullptr, MS_BIND, nullptr) != 0) {
            return 1;
        }
        const Status removed = remove_tree(tree);
        if (removed.has_value() || removed.error().code != EXDEV) {
            return 2;
        }
        return removed.error().message.contains((tree / "mnt").string()) ? 0 : 3;
    });
    CHECK(status == 0);
    CHECK(fs::exists(precious / "file"));
}

TEST_CASE("a temporary directory is private and goes with its owner", "[file_io]") {
    const auto parent = scratch();
    fs::path first;
    {
        auto directory = must(TemporaryDirectory::create(parent.path(), "job."));
        first = directory.path();
        CHECK(mode_of(first) == 0700);
        CHECK(first.filename().string().starts_with("job."));
        must(make_directories(first / "deep/er"));
        const TemporaryDirectory moved = std::move(directory);
        CHECK(moved.path() == first);
        CHECK(fs::exists(first));
    }
    CHECK_FALSE(fs::exists(first));
    auto one = must(TemporaryDirectory::create(parent.path(), "job."));
    auto two = must(TemporaryDirectory::create(parent.path(), "job."));
    const fs::path second = two.path();
    CHECK(one.path() != second);
    {
        const TemporaryDirectory old = std::exchange(one, std::move(two));
    }
    CHECK(one.path() == second);
    CHECK(entries_of(parent.path()) == 1);
    CHECK(error_of(TemporaryDirectory::create(parent.path() / "missing", "x")).code == ENOENT);
}

TEST_CASE("a file lock keeps a second holder waiting until it is released", "[file_io]") {
    using namespace std::chrono_literals;
    const auto directory = scratch();
    const fs::path file = directory.path() / "lock";
    std::optional<FileLock> first = must(FileLock::acquire(file));
    CHECK(mode_of(file) == 0600);
    const Fd probe = must(open_file(file, O_RDONLY));
    CHECK(::flock(probe.get(), LOCK_EX | LOCK_NB) == -1);
    std::atomic<bool> acquired = false;
    std::thread second([&] {
        const auto lock = FileLock::acquire(file);
        acquired = lock.has_value();
    });
    std::this_thread::sleep_for(50ms);
    const bool too_early = acquired;
    first.reset();
    second.join();
    CHECK_FALSE(too_early);
    CHECK(acquired);
    CHECK(::flock(probe.get(), LOCK_EX | LOCK_NB) == 0);
}

} // namespace
} // namespace ballast
