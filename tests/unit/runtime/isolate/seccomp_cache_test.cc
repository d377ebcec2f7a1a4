// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_cache.h"

#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>
#include <unistd.h>

#include "runtime/isolate/seccomp.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

namespace fs = std::filesystem;
using Filter = std::vector<sock_filter>;

Filter filter_of(std::size_t size) {
    Filter filter(size);
    for (std::size_t i = 0; i < size; i++) {
        filter[i] = sock_filter{.code = BPF_RET | BPF_K, .jt = 0, .jf = 0, .k = static_cast<__u32>(i)};
    }
    return filter;
}

bool same(const std::optional<Filter> &found, const Filter &wanted) {
    return found && found->size() == wanted.size() &&
           std::memcmp(found->data(), wanted.data(), wanted.size() * sizeof(sock_filter)) == 0;
}

struct Cache {
    TemporaryDirectory top = scratch();
    fs::path directory = top.path() / "run/seccomp";
    SeccompCache open() const { return SeccompCache::open(directory); }
    fs::path file(std::string_view key) const { return directory / SeccompCache::file_name(key); }
};

TEST_CASE("what was stored is found by its key alone", "[seccomp-cache]") {
    const Cache cache;
    CHECK_FALSE(cache.open().find("key").has_value());
    cache.open().store("key", filter_of(10));
    cache.open().store("another", filter_of(4096));
    CHECK(same(cache.open().find("key"), filter_of(10)));
    CHECK(same(cache.open().find("another"), filter_of(4096)));
    CHECK_FALSE(cache.open().find("keys").has_value());
    cache.open().store("key", filter_of(3));
    CHECK(same(cache.open().find("key"), filter_of(3)));
    CHECK(fs::status(cache.directory).permissions() == fs::perms::owner_all);
    CHECK(std::distance(fs::directory_iterator(cache.directory), {}) == 2);
}

TEST_CASE("two keys with one hash are told apart", "[seccomp-cache]") {
    const Cache cache;
    cache.open().store("mine", filter_of(10));
    // As if the hash of both were the same.
    fs::copy_file(cache.file("mine"), cache.file("your"));
    fs::copy_file(cache.file("mine"), cache.file("longer"));
    CHECK_FALSE(cache.open().find("your").has_value());
    CHECK_FALSE(cache.open().find("longer").has_value());
    cache.open().store("your", filter_of(2));
    CHECK(same(cache.open().find("your"), filter_of(2)));
}

TEST_CASE("no damage of any byte is taken for a filter", "[seccomp-cache]") {
    const Cache cache;
    cache.open().store("key", filter_of(4));
    const std::string whole = must(read_file(cache.file("key")));
    for (std::size_t i = 0; i < whole.size(); i++) {
        std::string damaged = whole;
        damaged[i] = static_cast<char>(damaged[i] ^ 1);
        must(write_file(cache.file("key"), damaged));
        CHECK_FALSE(cache.open().find("key").has_value());
    }
    for (std::size_t size = 0; size < whole.size(); size++) {
        must(write_file(cache.file("key"), whole.substr(0, size)));
        CHECK_FALSE(cache.open().find("key").has_value());
    }
    must(write_file(cache.file("key"), whole + whole));
    CHECK_FALSE(cache.open().find("key").has_value());
    must(write_file(cache.file("key"), whole + std::string(8, '\0')));
    CHECK_FALSE(cache.open().find("key").has_value());
    must(write_file(cache.file("key"), std::string(whole.size(), '\0')));
    CHECK_FALSE(cache.open().find("key").has_value());
    must(write_file(cache.file("key"), whole));
    CHECK(cache.open().find("key").has_value());
}

TEST_CASE("a link or a pipe in the place of a file is not followed", "[seccomp-cache]") {
    const Cache cache;
    cache.open().store("key", filter_of(4));
    fs::rename(cache.file("key"), cache.directory / "elsewhere");
    fs::create_symlink("elsewhere", cache.file("key"));
    CHECK_FALSE(cache.open().find("key").has_value());
    REQUIRE(unlink(cache.file("key").c_str()) == 0);
    REQUIRE(mkfifo(cache.file("key").c_str(), 0600) == 0);
    CHECK_FALSE(cache.open().find("key").has_value());
    cache.open().store("key", filter_of(5));
    CHECK(same(cache.open().find("key"), filter_of(5)));
}

TEST_CASE("a directory that others may write to is not used", "[seccomp-cache]") {
    const Cache cache;
    cache.open().store("key", filter_of(4));
    REQUIRE(chmod(cache.directory.c_str(), 0770) == 0);
    CHECK_FALSE(cache.open().find("key").has_value());
    cache.open().store("more", filter_of(4));
    CHECK_FALSE(fs::exists(cache.file("more")));
    REQUIRE(chmod(cache.directory.c_str(), 0700) == 0);
    CHECK(cache.open().find("key").has_value());
    if (geteuid() == 0) {
        REQUIRE(chown(cache.directory.c_str(), 1, 1) == 0);
        CHECK_FALSE(cache.open().find("key").has_value());
    }
    fs::create_directory_symlink(cache.directory, cache.top.path() / "link");
    CHECK_FALSE(SeccompCache::open(cache.top.path() / "link").find("key").has_value());
}

TEST_CASE("the cache keeps the newest entries and no more than its bound", "[seccomp-cache]") {
    const Cache cache;
    for (std::size_t i = 0; i < SeccompCache::kMostEntries + 20; i++) {
        const std::string key = "key " + std::to_string(i);
        cache.open().store(key, filter_of(1));
        // Distinct times, whatever the file system's clock.
        const timespec made{.tv_sec = static_cast<time_t>(1000 + i), .tv_nsec = 0};
        const timespec times[2] = {made, made};
        REQUIRE(utimensat(AT_FDCWD, cache.file(key).c_str(), times, 0) == 0);
    }
    CHECK(std::distance(fs::directory_iterator(cache.directory), {}) ==
          static_cast<std::ptrdiff_t>(SeccompCache::kMostEntries));
    CHECK_FALSE(cache.open().find("key 0").has_value());
    CHECK_FALSE(cache.open().find("key 19").has_value());
    CHECK(cache.open().find("key 20").has_value());
    CHECK(cache.open().find("key 83").has_value());
}

TEST_CASE("every part of a profile that changes the filter changes the key", "[seccomp-cache]") {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.architectures = {"SCMP_ARCH_X86_64"};
    profile.syscalls = {{.names = {"read", "write"},
                         .action = "SCMP_ACT_ALLOW",
                         .errno_ret = std::nullopt,
                         .args = {{.index = 1, .value = 2, .value_two = 3, .op = "SCMP_CMP_EQ"}}}};
    std::vector<std::string> keys = {seccomp_key(profile)};
    const auto with = [&](auto change) {
        oci::Seccomp other = profile;
        change(other);
        keys.push_back(seccomp_key(other));
    };
    with([](oci::Seccomp &other) { other.default_action = "SCMP_ACT_KILL"; });
    with([](oci::Seccomp &other) { other.default_errno_ret = 0; });
    with([](oci::Seccomp &other) { other.default_errno_ret = 1; });
    with([](oci::Seccomp &other) { other.architectures.clear(); });
    with([](oci::Seccomp &other) { other.architectures = {"SCMP_ARCH_X86_6", "4"}; });
    with([](oci::Seccomp &other) { other.syscalls.push_back(other.syscalls[0]); });
    with([](oci::Seccomp &other) { other.syscalls[0].names = {"readwrite"}; });
    with([](oci::Seccomp &other) { other.syscalls[0].names = {"rea", "dwrite"}; });
    with([](oci::Seccomp &other) { other.syscalls[0].action = "SCMP_ACT_LOG"; });
    with([](oci::Seccomp &other) { other.syscalls[0].errno_ret = 1; });
    with([](oci::Seccomp &other) { other.syscalls[0].args.clear(); });
    with([](oci::Seccomp &other) { other.syscalls[0].args[0].index = 2; });
    with([](oci::Seccomp &other) { other.syscalls[0].args[0].value = 3; });
    with([](oci::Seccomp &other) { other.syscalls[0].args[0].value_two = 2; });
    with([](oci::Seccomp &other) { other.syscalls[0].args[0].op = "SCMP_CMP_NE"; });
    std::ranges::sort(keys);
    CHECK(std::ranges::adjacent_find(keys) == keys.end());

    oci::Seccomp flagged = profile;
    flagged.flags = {"SECCOMP_FILTER_FLAG_LOG"};
    flagged.listener_path = "/run/x";
    CHECK(seccomp_key(flagged) == seccomp_key(profile));
}

TEST_CASE("a program comes out of the cache as it went in, and damage is made good", "[seccomp-cache]") {
    const Cache cache;
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.syscalls = {{.names = {"read"}, .action = "SCMP_ACT_ALLOW", .errno_ret = std::nullopt, .args = {}}};
    const SeccompProgram first = must(seccomp_program(profile, cache.directory));
    const fs::path file = cache.file(seccomp_key(profile));
    const std::string kept = must(read_file(file));
    CHECK(same(must(seccomp_program(profile, cache.directory)).filter, first.filter));
    must(write_file(file, "torn"));
    CHECK(same(must(seccomp_program(profile, cache.directory)).filter, first.filter));
    CHECK(must(read_file(file)) == kept);
}

TEST_CASE("a place that cannot hold a cache costs time and nothing else", "[seccomp-cache]") {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ALLOW";
    CHECK_FALSE(must(seccomp_program(profile, "/proc/no/such/place")).filter.empty());
    CHECK_FALSE(must(seccomp_program(profile, "/dev/null")).filter.empty());
}

} // namespace
} // namespace ballast::isolate
