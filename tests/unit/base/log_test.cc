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
