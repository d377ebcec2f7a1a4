// SPDX-License-Identifier: Apache-2.0
// ballast-oci for tests, that takes those along who wait for it: beside the directory of --root there is a file "kill"
// with a moment, "before" or "after" the runtime's work; a verb; the pid of a daemon, or 0; and "both" or "daemon". The
// first call with that verb kills that daemon and, when it is both, its own parent, a monitor, at that moment.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <sys/wait.h>
#include <unistd.h>

namespace {

struct Plan {
    std::string moment, verb, victims;
    pid_t daemon = 0;
};

Plan take_plan(std::span<char *> words) {
    Plan plan;
    const auto root = std::ranges::find(words, std::string_view("--root"));
    if (root == words.end() || root + 1 == words.end()) {
        return plan;
    }
    const std::filesystem::path file =
        std::filesystem::path(root[1]).parent_path() / "kill"; // --root may not be there yet
    std::ifstream(file) >> plan.moment >> plan.verb >> plan.daemon >> plan.victims;
    if (!std::ranges::contains(words, std::string_view(plan.verb))) {
        return {};
    }
    (void)unlink(file.c_str());
    return plan;
}

void kill_them(const Plan &plan) {
    if (plan.daemon > 0) {
        (void)kill(plan.daemon, SIGKILL);
    }
    if (plan.victims == "both") {
        (void)kill(getppid(), SIGKILL);
    }
}

// Under our own name: by that the engine looks for calls that are under way.
int run_runtime(char **words) {
    execv(BALLAST_OCI_PROGRAM, words);
    return 1;
}

} // namespace

int main(int count, char **words) {
    const Plan plan = take_plan(std::span(words, static_cast<std::size_t>(count)));
    if (plan.moment == "after") {
        int status = 0;
        const pid_t child = fork();
        if (child == 0) {
            return run_runtime(words);
        }
        (void)waitpid(child, &status, 0);
        kill_them(plan);
        return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
    }
    if (plan.moment == "before") {
        kill_them(plan);
    }
    return run_runtime(words);
}
