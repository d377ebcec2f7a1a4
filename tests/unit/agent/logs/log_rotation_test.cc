// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/log_rotation.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <filesystem>
#include <vector>
#include <zlib.h>

#include "agent/logs/gzip.h"
#include "base/timestamp.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
namespace fs = std::filesystem;

namespace {

// One container's logs, and a runtime that writes to them.
struct Logs {
    TemporaryDirectory directory = scratch();
    fs::path place = directory.path() / "ns_pod_uid" / "main";
    fs::path file = place / "0.log";
    std::int64_t now = *parse_timestamp("2024-05-06T07:08:09.5Z");
    int reopened = 0;

    Logs() { must(make_directories(place)); }

    void write(const std::string &name, const std::string &text) const { must(write_file(place / name, text)); }
    std::string read(const std::string &name) const { return must(read_file(place / name)); }
    std::vector<std::string> names() const {
        std::vector<std::string> all;
        for (const auto &entry : fs::directory_iterator(place)) {
            all.push_back(entry.path().filename());
        }
        std::ranges::sort(all);
        return all;
    }
    Status reopen() {
        reopened++;
        return write_file(file, "");
    }
    Status rotate(const LogLimits &limits) {
        return rotate_log(directory.path(), file, limits, now, [this] { return reopen(); });
    }
    // One that a minute later is larger than a log may be.
    void turn(const std::string &text, std::size_t files = 4) {
        now += 60'000'000'000;
        write("0.log", text);
        must(rotate({.bytes = 1, .files = files}));
    }
};

std::string unpacked(const fs::path &file) {
    std::string text;
    const gzFile packed = gzopen(file.c_str(), "rb");
    REQUIRE(packed != nullptr);
    std::array<char, 100> block{};
    for (int got = 0; (got = gzread(packed, block.data(), block.size())) > 0;) {
        text.append(block.data(), static_cast<std::size_t>(got));
    }
    CHECK(gzclose(packed) == Z_OK);
    return text;
}

} // namespace

TEST_CASE("a log that is too large takes another name, and a new one begins", "[agent]") {
    Logs logs;
    logs.write("0.log", "12345");
    must(logs.rotate({.bytes = 6}));
    CHECK(logs.names() == std::vector<std::string>{"0.log"});
    must(logs.rotate({.bytes = -1}));
    CHECK(logs.reopened == 0);
    must(logs.rotate({.bytes = 5}));
    CHECK(logs.names() == std::vector<std::string>{"0.log", "0.log.20240506-070809"});
    CHECK(logs.read("0.log.20240506-070809") == "12345");
    CHECK(logs.reopened == 1);
}

TEST_CASE("older logs are compressed, and the oldest go", "[agent]") {
    Logs logs;
    logs.write("1.log", "of the container after it");
    for (const char *text : {"one", "two", "three", "four"}) {
        logs.turn(text);
    }
    CHECK(logs.names() == std::vector<std::string>{"0.log", "0.log.20240506-071009.gz", "0.log.20240506-071109.gz",
                                                   "0.log.20240506-071209", "1.log"});
    CHECK(unpacked(logs.place / "0.log.20240506-071009.gz") == "two");
    CHECK(unpacked(logs.place / "0.log.20240506-071109.gz") == "three");
    logs.turn("five", 2);
    CHECK(logs.names() == std::vector<std::string>{"0.log", "0.log.20240506-071309", "1.log"});
}

TEST_CASE("a rotation that the runtime refuses puts the log back", "[agent]") {
    Logs logs;
    logs.write("0.log", "12345");
    const auto refuses = [] { return Status(fail(EBUSY, "not now")); };
    CHECK(error_of(rotate_log(logs.directory.path(), logs.file, {.bytes = 1}, logs.now, refuses)).message == "not now");
    CHECK(logs.names() == std::vector<std::string>{"0.log"});
    CHECK(logs.read("0.log") == "12345");
    // It has begun another one in spite of what it says: nothing is lost.
    const auto lies = [&] {
        must(logs.reopen());
        return Status(fail(ETIMEDOUT, "too late"));
    };
    CHECK(error_of(rotate_log(logs.directory.path(), logs.file, {.bytes = 1}, logs.now, lies)).code == ETIMEDOUT);
    CHECK(logs.names() == std::vector<std::string>{"0.log", "0.log.20240506-070809"});
    CHECK(logs.read("0.log.20240506-070809") == "12345");
}

TEST_CASE("a log that cannot be turned stays, and none takes the name of another", "[agent]") {
    Logs logs;
    logs.write("0.log", "one");
    must(logs.rotate({.bytes = 1}));
    logs.write("0.log", "two");
    must(logs.rotate({.bytes = 1})); // the first is compressed by now
    CHECK(logs.names() == std::vector<std::string>{"0.log", "0.log.20240506-070809.gz", "0.log.20240506-070810"});
    logs.write("0.log", "three");
    fs::create_directory(logs.place / "0.log.20240506-070811");
    CHECK_FALSE(logs.rotate({.bytes = 1}).has_value());
    CHECK(logs.read("0.log") == "three");
}

TEST_CASE("what somebody left who was killed is mended", "[agent]") {
    Logs logs;
    logs.turn("one");
    logs.turn("two");
    SECTION("between the name and the new log") {
        fs::rename(logs.file, logs.place / "0.log.20240506-080000");
        must(logs.rotate({.bytes = 1}));
        CHECK(logs.reopened == 3);
        CHECK(logs.read("0.log").empty());
    }
    SECTION("while it was compressed") {
        logs.write("0.log.20240506-071009.tmp", "half");
        logs.turn("three");
        CHECK(logs.names() == std::vector<std::string>{"0.log", "0.log.20240506-070909.gz", "0.log.20240506-071009.gz",
                                                       "0.log.20240506-071109"});
        CHECK(unpacked(logs.place / "0.log.20240506-071009.gz") == "two");
    }
    SECTION("before what was compressed was removed") {
        logs.write("0.log.20240506-070909", "one");
        logs.turn("three");
        CHECK_FALSE(fs::exists(logs.place / "0.log.20240506-070909"));
        CHECK(unpacked(logs.place / "0.log.20240506-070909.gz") == "one");
    }
    SECTION("and the container has ended") {
        must(mend_log(logs.directory.path(), logs.file));
        CHECK(logs.read("0.log").empty()); // nothing to be mended
        fs::remove(logs.file);
        must(mend_log(logs.directory.path(), logs.file));
        CHECK(logs.read("0.log") == "two");
        fs::remove(logs.file);
        must(mend_log(logs.directory.path(), logs.file)); // what is compressed was complete
        CHECK_FALSE(fs::exists(logs.file));
    }
}

TEST_CASE("all logs of a container are removed, and of no other", "[agent]") {
    Logs logs;
    logs.turn("one");
    logs.turn("two");
    logs.write("1.log", "");
    must(remove_logs(logs.directory.path(), logs.file));
    CHECK(logs.names() == std::vector<std::string>{"1.log"});
    must(remove_logs(logs.directory.path(), logs.file));
    must(remove_logs(logs.directory.path(), logs.directory.path() / "gone" / "main" / "0.log"));
}

TEST_CASE("nothing outside is turned or compressed", "[agent]") {
    Logs logs;
    const TemporaryDirectory elsewhere = scratch();
    must(write_file(elsewhere.path() / "0.log", "12345"));
    const auto refused = [&](const fs::path &file) {
        return error_of(rotate_log(logs.directory.path(), file, {.bytes = 1}, logs.now, [] { return Status(); })).code;
    };
    CHECK(refused(elsewhere.path() / "0.log") == EINVAL);
    fs::create_directory_symlink(elsewhere.path(), logs.directory.path() / "way");
    CHECK(refused(logs.directory.path() / "way" / "0.log") == ENOENT);
    fs::create_symlink(elsewhere.path() / "0.log", logs.file);
    CHECK(refused(logs.file) == EINVAL);
    fs::remove(logs.file);
    fs::create_symlink(elsewhere.path() / "0.log", logs.place / "0.log.20240101-000000");
    logs.write("0.log", "12345");
    CHECK(refused(logs.file) == ELOOP);
    CHECK(must(read_file(elsewhere.path() / "0.log")) == "12345");
}

TEST_CASE("what is compressed is whole", "[agent]") {
    const TemporaryDirectory directory = scratch();
    std::string text;
    for (int i = 0; i < 100'000; i++) {
        text += std::to_string(i * 7919) + "\n";
    }
    must(write_file(directory.path() / "a", text));
    must(gzip(must(open_file(directory.path() / "a", O_RDONLY)),
              must(open_file(directory.path() / "b", O_WRONLY | O_CREAT, 0600))));
    CHECK(unpacked(directory.path() / "b") == text);
    CHECK(fs::file_size(directory.path() / "b") < text.size());
    CHECK_FALSE(
        gzip(must(open_file(directory.path() / "a", O_RDONLY)), must(open_file("/dev/full", O_WRONLY))).has_value());
}
