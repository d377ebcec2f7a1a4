// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/supervise.h"

#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("a daemon that the work leaves behind is ended, before what it wrote is tidied", "[vm]") {
    const TemporaryDirectory directory = std::move(*TemporaryDirectory::create("/tmp", "supervise-test-"));
    const auto file = directory.path() / "daemon";
    // A child of ours supervises: who does so waits for all its children, and adopts what they leave.
    const pid_t supervisor = fork();
    if (supervisor == 0) {
        _exit(supervise(
            [&] {
                if (fork() == 0) {
                    setsid();
                    const pid_t daemon = fork();
                    if (daemon == 0) {
                        (void)signal(SIGTERM, SIG_DFL); // the tests' own handler would report it
                        while (true) {
                            pause();
                        }
                    }
                    (void)write_file(file, std::to_string(daemon));
                    _exit(0);
                }
                return wait(nullptr) > 0 ? 3 : 1;
            },
            [&](bool interrupted) {
                const pid_t daemon = std::stoi(read_file(file).value_or("0"));
                const bool gone = daemon > 1 && kill(daemon, 0) != 0;
                (void)write_file(file, gone && !interrupted ? "gone" : "there");
            }));
    }
    int status = 0;
    REQUIRE(waitpid(supervisor, &status, 0) == supervisor);
    CHECK(WEXITSTATUS(status) == 3);
    CHECK(read_file(file).value_or("") == "gone");
}
