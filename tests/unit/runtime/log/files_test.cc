// SPDX-License-Identifier: Apache-2.0
// Writing files, rotating them, and reading them back.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/resource.h>

#include "tests/unit/runtime/log/log_fixture.h"

using namespace ballast;
using namespace ballast::container_log;
using namespace std::chrono_literals;

namespace {

class LogDirectory {
  public:
    explicit LogDirectory(const std::string &driver, const Pairs &options = {}) {
        settings.driver = driver;
        settings.options = options;
        settings.path = directory.path() / "log";
        writer = must(Writer::open(settings));
    }
    Source source() const { return {settings.driver, settings.path, ""}; }
    std::string read(const Selection &selection = {}) const { return read_log(source(), selection); }
    bool has(const char *name) const { return std::filesystem::exists(directory.path() / name); }

    TemporaryDirectory directory = scratch();
    WriterSettings settings;
    std::unique_ptr<Writer> writer;
};

std::string numbered(int first, int last) {
    std::string text;
    for (int i = first; i <= last; ++i) {
        text += "line " + std::to_string(i) + "\n";
    }
    return text;
}

void write_numbered(Writer &writer, int first, int last) {
    for (int i = first; i <= last; ++i) {
        write_line(writer, "line " + std::to_string(i), i);
    }
}

} // namespace

TEST_CASE("every kind of file gives back what was written", "[log]") {
    for (const char *driver : {"json-file", "local", "cri"}) {
        DYNAMIC_SECTION(driver) {
            LogDirectory log(driver);
            CHECK(log.read().empty());
            write_line(*log.writer, "out", 10);
            write_line(*log.writer, "err", 20, Stream::kStderr);
            write_line(*log.writer, "be", 30, Stream::kStdout, false, 1);
            write_line(*log.writer, "gun", 30, Stream::kStdout, true, 2);
            CHECK(log.read() == "out\nerr\nbegun\n");
            CHECK(log.read({.errors = false}) == "out\nbegun\n");
            CHECK(log.read({.output = false}) == "err\n");
            CHECK(log.read({.since_ns = 20}) == "err\nbegun\n");
            CHECK(log.read({.until_ns = 20}) == "out\nerr\n");
            CHECK(log.read({.tail = 1}) == "gun\n");
            CHECK(log.read({.tail = 0}).empty());
            CHECK(log.read({.tail = 100}) == "out\nerr\nbegun\n");
            const auto reader = must(Reader::open(log.source(), {}));
            Entry entry;
            std::string starts;
            while (must(reader->next(entry, 0ms)) == Reader::Next::kEntry) {
                starts += entry.starts ? 's' : '.';
            }
            CHECK(starts == "sss.");
        }
    }
}

TEST_CASE("files rotate when they are full, and the oldest goes", "[log]") {
    for (const char *driver : {"json-file", "local"}) {
        DYNAMIC_SECTION(driver) {
            LogDirectory log(driver, {{"max-size", "1k"}, {"max-file", "3"}});
            write_numbered(*log.writer, 1, 300);
            CHECK(log.has("log"));
            CHECK(log.has("log.1"));
            CHECK(log.has("log.2"));
            CHECK_FALSE(log.has("log.3"));
            CHECK(std::filesystem::file_size(log.directory.path() / "log.1") < 1100);
            const std::string all = log.read();
            CHECK(numbered(1, 300).ends_with(all));
            CHECK(all.size() > 200);
            CHECK(log.read({.tail = 25}) == numbered(276, 300)); // over more than one file
        }
    }
}

TEST_CASE("with one file a full log starts anew", "[log]") {
    LogDirectory log("json-file", {{"max-size", "1k"}});
    write_numbered(*log.writer, 1, 100);
    CHECK_FALSE(log.has("log.1"));
    CHECK(numbered(1, 100).ends_with(log.read()));
    CHECK(std::filesystem::file_size(log.settings.path) < 1100);
}

TEST_CASE("tail reads backwards, whatever stands in front", "[log]") {
    LogDirectory log("json-file");
    {
        std::ofstream file(log.settings.path); // a hole of a terabyte that nobody may read
        file.seekp(1LL << 40);
        file << "\n";
    }
    must(log.writer->reopen());
    write_numbered(*log.writer, 1, 3000);
    CHECK(log.read({.tail = 2000}) == numbered(1001, 3000));
}

TEST_CASE("following gives what comes, through rotations, until the writer has ended", "[log]") {
    for (const char *driver : {"json-file", "local"}) {
        DYNAMIC_SECTION(driver) {
            LogDirectory log(driver, {{"max-size", "2k"}, {"max-file", "4"}});
            const auto reader = must(Reader::open(log.source(), {.follow = true}));
            std::string text;
            Entry entry;
            for (int i = 1; i <= 400; ++i) {
                write_line(*log.writer, "line " + std::to_string(i), i);
                while (i % 10 == 0 && must(reader->next(entry, 0ms)) == Reader::Next::kEntry) {
                    text += entry.text;
                }
            }
            CHECK(must(reader->next(entry, 1ms)) == Reader::Next::kNothing);
            write_line(*log.writer, "last", 500);
            reader->finish();
            while (must(reader->next(entry, 0ms)) == Reader::Next::kEntry) {
                text += entry.text;
            }
            CHECK(text == numbered(1, 400) + "last\n");
            CHECK(must(reader->next(entry, 0ms)) == Reader::Next::kEnd);
        }
    }
}

TEST_CASE("following ends at its last moment", "[log]") {
    LogDirectory log("json-file");
    const auto reader = must(Reader::open(log.source(), {.until_ns = 5, .follow = true}));
    write_numbered(*log.writer, 1, 9);
    Entry entry;
    for (int i = 1; i <= 5; ++i) {
        REQUIRE(must(reader->next(entry, 0ms)) == Reader::Next::kEntry);
    }
    CHECK(must(reader->next(entry, 0ms)) == Reader::Next::kEnd);
}

TEST_CASE("what a crash has left half written is cut off before anything is added", "[log]") {
    for (const char *driver : {"json-file", "local", "cri"}) {
        DYNAMIC_SECTION(driver) {
            LogDirectory log(driver);
            write_numbered(*log.writer, 1, 20);
            const std::string whole = must(read_file(log.settings.path));
            for (const std::size_t cut : {1UL, 5UL, 12UL}) {
                must(write_file(log.settings.path, whole.substr(0, whole.size() - cut)));
                const auto writer = must(Writer::open(log.settings));
                write_line(*writer, "new", 99);
                CHECK(log.read() == numbered(1, 19) + "new\n");
            }
        }
    }
}

TEST_CASE("lines that cannot be read are passed over", "[log]") {
    LogDirectory log("json-file");
    write_line(*log.writer, "one");
    std::ofstream(log.settings.path, std::ios::app) << "garbage\n{\"log\":3}\n\n";
    must(log.writer->reopen());
    write_line(*log.writer, "two");
    CHECK(log.read() == "one\ntwo\n");
}

TEST_CASE("bytes that are lost are counted and said once, and once again when it is over", "[log]") {
    LogDirectory log("json-file");
    rlimit before{};
    REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
    const auto ignored = signal(SIGXFSZ, SIG_IGN);
    rlimit small = before;
    small.rlim_cur = 150;
    REQUIRE(setrlimit(RLIMIT_FSIZE, &small) == 0);
    for (int i = 0; i < 5; ++i) {
        write_line(*log.writer, "0123456789");
    }
    REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
    (void)signal(SIGXFSZ, ignored);
    const std::uint64_t lost = log.writer->lost_bytes();
    CHECK(lost > 0);
    CHECK(lost % 11 == 0);
    CHECK(log.writer->take_trouble().contains("the container goes on"));
    CHECK(log.writer->take_trouble().empty());
    write_line(*log.writer, "again");
    CHECK(log.writer->take_trouble().contains(std::to_string(lost) + " bytes"));
    CHECK(log.writer->lost_bytes() == lost);
    const std::string all = log.read();
    CHECK(all.starts_with("0123456789\n"));
    CHECK(all.ends_with("0123456789\nagain\n"));
}

TEST_CASE("drivers that keep nothing cannot be read", "[log]") {
    for (const char *driver : {"none", "syslog"}) {
        const Result<std::unique_ptr<Reader>> reader = Reader::open({driver, "/x", ""}, {});
        REQUIRE_FALSE(reader.has_value());
        CHECK(reader.error().message == "configured logging driver does not support reading");
    }
}
