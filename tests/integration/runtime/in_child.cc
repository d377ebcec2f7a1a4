// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/runtime/in_child.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast::isolate {

Report in_child(const std::function<Outcome()> &body) {
    std::array<int, 2> words{};
    std::array<int, 2> outcomes{};
    REQUIRE(pipe2(words.data(), O_CLOEXEC) == 0);
    REQUIRE(pipe2(outcomes.data(), O_CLOEXEC) == 0);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        dup2(words[1], STDOUT_FILENO);
        const Outcome outcome = body();
        if (write(outcomes[1], &outcome, sizeof outcome) != sizeof outcome) {
            _exit(2);
        }
        _exit(1);
    }
    close(words[1]);
    close(outcomes[1]);
    const Fd text(words[0]);
    const Fd outcome(outcomes[0]);
    Report report;
    report.text = must(read_all(text, "the child's words"));
    (void)!read(outcome.get(), &report.outcome, sizeof report.outcome); // none when a program ran
    REQUIRE(waitpid(child, nullptr, 0) == child);
    return report;
}

oci::Process process_of(std::string program) {
    oci::Process process;
    process.args = {std::move(program)};
    process.cwd = "/";
    process.env = {"PATH=/usr/bin:/bin"};
    return process;
}

std::string status_line(const std::string &status, const std::string &name) {
    const std::size_t at = status.find(name + ":\t");
    REQUIRE(at != std::string::npos);
    const std::size_t start = at + name.size() + 2;
    return status.substr(start, status.find('\n', start) - start);
}

void need_root() {
    if (geteuid() != 0) {
        SKIP("needs root");
    }
}

} // namespace ballast::isolate
