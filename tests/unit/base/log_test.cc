// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fcntl.h>
#include <format>
#include <functional>
#include <sys/mman.h>
#include <sys/stat.h>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast {
namespace {

// What `body` writes to stderr.
std::string stderr_of(const std::function<void()> &body) {
    const Fd file(::memfd_create("stderr", MFD_CLOEXEC));
    const Fd before(::fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0));
    REQUIRE(::dup2(file.get(), STDERR_FILENO) == STDERR_FILENO);
    body();
    REQUIRE(::dup2(before.get(), STDERR_FILENO) == STDERR_FILENO);
    REQUIRE(::lseek(file.get(), 0, SEEK_SET) == 0);
    return must(read_all(file, "the captured stderr"));
}

TEST_CASE("quoting leaves text readable and makes the rest visible", "[log]") {
    CHECK(log::quoted("plain text") == "\"plain text\"");
    CHECK(log::quoted("") == "\"\"");
    CHECK(log::quoted("say \"hi\"") == R"("say \"hi\"")");
    CHECK(log::quoted("back\\slash") == R"("back\\slash")");
    CHECK(log::quoted("a\nb\tc\rd") == R"("a\nb\tc\rd")");
    CHECK(log::quoted("\033[2J") == R"("\x1b[2J")");
    CHECK(log::quoted(std::string_view("\0\x7f", 2)) == R"("\x00\x7f")");
    CHECK(log::quoted("grün – 東京 🚢") == "\"grün – 東京 🚢\"");
}

TEST_CASE("quoting shows what is no UTF-8, byte by byte", "[log]") {
    CHECK(log::quoted("\xff") == R"("\xff")");
    CHECK(log::quoted("cut \xe6\x9d") == R"("cut \xe6\x9d")");
    CHECK(log::quoted("\x80") == R"("\x80")");
    CHECK(log::quoted("\xc0\xaf") == R"("\xc0\xaf")");                 // overlong '/'
    CHECK(log::quoted("\xe0\x80\xaf") == R"("\xe0\x80\xaf")");         // overlong
    CHECK(log::quoted("\xed\xa0\x80") == R"("\xed\xa0\x80")");         // a surrogate
    CHECK(log::quoted("\xf4\x90\x80\x80") == R"("\xf4\x90\x80\x80")"); // beyond U+10FFFF
    CHECK(log::quoted("\xc2\x9b[2J") == R"("\xc2\x9b[2J")");           // CSI as a C1 control
    CHECK(log::quoted("\xc2"
                      "A") == R"("\xc2A")");
}

TEST_CASE("each level has its prefix", "[log]") {
    log::set_level(log::Level::kDebug);
    const std::string text = stderr_of([] {
        log::error("a");
        log::warning("b");
        log::notice("c");
        log::info("d", {{"STAGE", "packages"}});
        log::debug("e");
    });
    log::set_level(log::Level::kInfo);
    CHECK(text == "error: a\nwarning: b\nc\nd\ndebug: e\n");
}

TEST_CASE("what is less important than the level is not written", "[log]") {
    CHECK(stderr_of([] { log::debug("hidden"); }).empty()); // kInfo is the default
    log::set_level(log::Level::kError);
    const std::string text = stderr_of([] {
        log::warning("hidden");
        log::error("shown");
    });
    log::set_level(log::Level::kInfo);
    CHECK(text == "error: shown\n");
}

TEST_CASE("a message can neither steer a terminal nor pose as another one", "[log]") {
    CHECK(stderr_of([] { log::info("clear \033[2J and \x07"); }) == "clear \\x1b[2J and \\x07\n");
    CHECK(stderr_of([] { log::error("lost:\nerror: faked\n  b\r"); }) == "error: lost:\n  error: faked\n    b\\r\n");
    CHECK(stderr_of([] { log::error("end\n"); }) == "error: end\n");
}

TEST_CASE("a JOURNAL_STREAM that is not our stderr changes nothing", "[log]") {
    REQUIRE(::setenv("JOURNAL_STREAM", "1:1", 1) == 0); // inherited, but stderr was redirected since
    const std::string text = stderr_of([] { log::error("message"); });
    REQUIRE(::unsetenv("JOURNAL_STREAM") == 0);
    CHECK(text == "error: message\n");
}

TEST_CASE("without a journal to talk to, the level stands in front as systemd reads it", "[log]") {
    if (::access("/run/systemd/journal/socket", F_OK) == 0) {
        SKIP("a journal listens here, and the message would go there");
    }
    const std::string text = stderr_of([] {
        struct stat status = {};
        REQUIRE(::fstat(STDERR_FILENO, &status) == 0);
        REQUIRE(::setenv("JOURNAL_STREAM", std::format("{}:{}", status.st_dev, status.st_ino).c_str(), 1) == 0);
        log::warning("first\nsecond");
    });
    REQUIRE(::unsetenv("JOURNAL_STREAM") == 0);
    CHECK(text == "<4>first\n<4>  second\n");
}

} // namespace
} // namespace ballast
