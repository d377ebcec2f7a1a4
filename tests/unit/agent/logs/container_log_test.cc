// SPDX-License-Identifier: Apache-2.0
#include "agent/logs/container_log.h"

#include <fcntl.h>
#include <filesystem>
#include <sys/stat.h>

#include "base/timestamp.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
namespace fs = std::filesystem;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

LogRequest asked(const std::string &query) {
    return must(read_log_request(http::Query::parse(query).value(), 1'000'000 * kSecond));
}
std::string wrong(const std::string &query) {
    const Error error = error_of(read_log_request(http::Query::parse(query).value(), 0));
    CHECK(error.code == EINVAL);
    return error.message;
}

std::string line(int second, const std::string &text, const std::string &stream = "stdout", const char *tag = "F") {
    return timestamp(second * kSecond) + " " + stream + " " + tag + " " + text + "\n";
}

struct Logs {
    TemporaryDirectory directory = scratch();
    fs::path file = directory.path() / "pod" / "c" / "0.log";

    explicit Logs(const std::string &text) {
        must(make_directories(file.parent_path()));
        must(write_file(file, text));
    }
    void append(const std::string &text) const { must(write_all(must(open_file(file, O_WRONLY | O_APPEND)), text)); }
    ContainerLog open(const std::string &query) const {
        return must(ContainerLog::open(directory.path(), file, asked(query)));
    }
    static std::string rest(ContainerLog &log) {
        std::string text;
        while (must(log.read(text))) {
        }
        return text;
    }
    std::string all(const std::string &query) const {
        ContainerLog log = open(query);
        return rest(log);
    }
};

} // namespace

TEST_CASE("what of a log is wanted is read as Kubernetes says it", "[agent]") {
    CHECK(asked("").follow == false);
    CHECK(asked("follow=true&previous=1&timestamps=").timestamps);
    CHECK_FALSE(asked("follow=false").follow);
    CHECK_FALSE(asked("follow=0").follow);
    CHECK(asked("tailLines=0").tail == 0);
    CHECK(asked("limitBytes=7").limit == 7);
    CHECK(asked("sinceSeconds=10").since == 999'990 * kSecond);
    CHECK(asked("sinceSeconds=99999999999").since == 0);
    CHECK(asked("sinceTime=1970-01-01T00:00:02Z").since == 2 * kSecond);
    CHECK_FALSE(asked("stream=Stderr").output);
    CHECK(wrong("sinceSeconds=1&sinceTime=1970-01-01T00:00:02Z").contains("at most one of"));
    for (const char *query : {"tailLines=-1", "tailLines=x", "limitBytes=0", "sinceSeconds=0", "sinceTime=yesterday",
                              "stream=stdin", "tailLines=99999999999999999999"}) {
        CAPTURE(query);
        CHECK_FALSE(wrong(query).empty());
    }
}

TEST_CASE("a log is told line by line, and as little of it as is wanted", "[agent]") {
    const Logs logs(line(1, "one") + line(2, "bad", "stderr") + line(3, "thr", "stdout", "P") + line(3, "ee") +
                    "no line of a log\n" + line(4, "four"));
    CHECK(logs.all("") == "one\nbad\nthree\nfour\n");
    CHECK(logs.all("timestamps=true&tailLines=4") ==
          "1970-01-01T00:00:03.000000000Z three\n1970-01-01T00:00:04.000000000Z four\n");
    CHECK(logs.all("tailLines=1") == "four\n");
    CHECK(logs.all("tailLines=0").empty());
    CHECK(logs.all("tailLines=100") == "one\nbad\nthree\nfour\n");
    CHECK(logs.all("sinceTime=1970-01-01T00:00:03Z") == "three\nfour\n");
    CHECK(logs.all("limitBytes=6") == "one\nba");
    CHECK(logs.all("stream=Stderr") == "bad\n");
}

TEST_CASE("a log that is long is read whole, and its tail found", "[agent]") {
    std::string text, wanted;
    for (int i = 0; i < 20'000; i++) {
        text += line(i, "line " + std::to_string(i));
        wanted += "line " + std::to_string(i) + "\n";
    }
    const Logs logs(text);
    CHECK(logs.all("") == wanted);
    CHECK(logs.all("tailLines=15000") == wanted.substr(wanted.find("line 5000\n")));
}

TEST_CASE("a log is followed into the file that takes its place", "[agent]") {
    const Logs logs(line(1, "one"));
    ContainerLog log = logs.open("follow=true");
    CHECK(Logs::rest(log) == "one\n");
    const std::string second = line(2, "two");
    logs.append(second.substr(0, second.size() / 2));
    CHECK(Logs::rest(log).empty());
    logs.append(second.substr(second.size() / 2));
    CHECK(Logs::rest(log) == "two\n");
    logs.append(line(3, "three")); // before the turn, and not read yet
    fs::rename(logs.file, logs.file.string() + ".20240101");
    CHECK(Logs::rest(log) == "three\n"); // nothing stands in its place
    must(write_file(logs.file, line(4, "four")));
    CHECK(Logs::rest(log) == "four\n");
    must(write_file(logs.file, ""));
    CHECK(Logs::rest(log).empty());
    logs.append(line(5, "five"));
    CHECK(Logs::rest(log) == "five\n");
    fs::remove(logs.file);
    CHECK(Logs::rest(log).empty());
}

TEST_CASE("a log leads nowhere else", "[agent]") {
    const Logs logs(line(1, "one"));
    const TemporaryDirectory elsewhere = scratch();
    must(write_file(elsewhere.path() / "secret", line(1, "secret")));
    const auto refused = [&](const fs::path &file) {
        return error_of(ContainerLog::open(logs.directory.path(), file, {})).code;
    };
    CHECK(refused(elsewhere.path() / "secret") == EINVAL);
    CHECK(refused(logs.directory.path() / "pod/../.." / elsewhere.path().filename() / "secret") == EINVAL);
    fs::create_symlink(elsewhere.path() / "secret", logs.directory.path() / "link");
    CHECK(refused(logs.directory.path() / "link") == ELOOP);
    fs::create_directory_symlink(elsewhere.path(), logs.directory.path() / "way");
    CHECK(refused(logs.directory.path() / "way/secret") == ENOENT);
    REQUIRE(::mkfifo((logs.directory.path() / "pipe").c_str(), 0600) == 0);
    CHECK(refused(logs.directory.path() / "pipe") == EINVAL);
    CHECK(refused(logs.directory.path() / "none") == ENOENT);
}

TEST_CASE("a line without an end costs no memory", "[agent]") {
    const Logs logs(line(1, "one") + std::string(3UL << 20, 'x') + "\n" + line(2, "two"));
    CHECK(logs.all("") == "one\ntwo\n");
}
