// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/scratch.h"

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"

using namespace ballast;
using namespace ballast::vm;
namespace fs = std::filesystem;

namespace {

TemporaryDirectory parent() { return std::move(*TemporaryDirectory::create("/tmp", "scratch-test-")); }

} // namespace

TEST_CASE("a scratch directory goes with its owner, and a moved-from owner takes nothing", "[vm]") {
    const TemporaryDirectory directory = parent();
    fs::path path;
    {
        Result<Scratch> made = Scratch::create(directory.path());
        REQUIRE(made.has_value());
        const Scratch moved = std::move(*made);
        path = moved.path();
        REQUIRE(write_file(path / "disk", "x").has_value());
        {
            const Result<Scratch> gone = std::move(made);
        }
        CHECK(fs::exists(path / "disk"));
    }
    CHECK_FALSE(fs::exists(path));
}

TEST_CASE("what a killed process left is swept, what a living one uses is not", "[vm]") {
    const TemporaryDirectory directory = parent();
    const Result<Scratch> ours = Scratch::create(directory.path());
    REQUIRE(ours.has_value());
    const pid_t child = fork();
    if (child == 0) {
        const Result<Scratch> theirs = Scratch::create(directory.path());
        kill(getpid(), SIGKILL);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFSIGNALED(status));
    const auto count = [&] {
        return std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator());
    };
    CHECK(count() == 2);
    Scratch::sweep(directory.path());
    CHECK(count() == 1);
    CHECK(fs::exists(ours->path()));
}

TEST_CASE("sweeping leaves alone what is no machine's", "[vm]") {
    const TemporaryDirectory directory = parent();
    REQUIRE(write_file(directory.path() / "notes", "mine").has_value());
    REQUIRE(make_directories(directory.path() / "other").has_value());
    Scratch::sweep(directory.path());
    CHECK(fs::exists(directory.path() / "notes"));
    CHECK(fs::exists(directory.path() / "other"));
}
