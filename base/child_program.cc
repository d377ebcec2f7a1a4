// SPDX-License-Identifier: Apache-2.0
#include "base/child_program.h"

#include <algorithm>
#include <csignal>
#include <fcntl.h>
#include <linux/close_range.h>
#include <map>
#include <poll.h>
#include <string_view>
#include <sys/prctl.h>
#include <unistd.h>

namespace ballast::child_program {
namespace {

constexpr std::string_view kDefaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

std::map<std::string, std::string> child_environment(const Command &command) {
    std::map<std::string, std::string> merged = command.environment;
    for (char **entry = environ; entry != nullptr && *entry != nullptr; entry++) {
        std::string_view text = *entry;
        std::size_t equals = text.find('=');
        if (equals != std::string_view::npos) {
            merged.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return merged;
}

std::vector<std::string> candidates_for(const std::string &program, std::string_view search_path) {
    if (program.contains('/')) {
        return {program};
    }
    std::vector<std::string> found;
    while (!search_path.empty()) {
        std::string_view directory = search_path.substr(0, search_path.find(':'));
        search_path.remove_prefix(std::min(search_path.size(), directory.size() + 1));
        if (!directory.empty()) { // POSIX takes it for the current directory: nothing that we want to run stands there
            found.push_back(std::string(directory) + "/" + program);
        }
    }
    return found;
}

[[noreturn]] void give_up(int report, Stage stage, int code) {
    Failure failure{stage, code};
    (void)!write(report, &failure, sizeof failure); // nothing is left to try
    _exit(127);
}

} // namespace

Status check(const Command &command) {
    if (command.arguments.empty() || command.arguments[0].empty()) {
        return fail(EINVAL, "run: no program given");
    }
    auto has_nul = [](const std::string &text) { return text.contains('\0'); };
    if (std::ranges::any_of(command.arguments, has_nul) || has_nul(command.directory.string())) {
        return fail(EINVAL, command.arguments[0] + ": an argument contains a NUL byte");
    }
    for (const auto &[name, value] : command.environment) {
        if (name.empty() || name.contains('=') || has_nul(name) || has_nul(value)) {
            return fail(EINVAL, command.arguments[0] + ": environment variable \"" + name + "\" cannot be passed on");
        }
    }
    return {};
}

Program prepare(const Command &command) {
    Program program;
    std::map<std::string, std::string> environment = child_environment(command);
    auto path = environment.find("PATH");
    program.candidates = candidates_for(command.arguments[0], path != environment.end() ? path->second : kDefaultPath);
    program.strings = command.arguments;
    for (const auto &[name, value] : environment) {
        program.strings.push_back(name + "=" + value);
    }
    // No string is added from here on: the pointers stay good.
    for (std::size_t index = 0; index < program.strings.size(); index++) {
        bool argument = index < command.arguments.size();
        (argument ? program.arguments : program.environment).push_back(program.strings[index].data());
    }
    program.arguments.push_back(nullptr);
    program.environment.push_back(nullptr);
    program.directory = command.directory.empty() ? nullptr : command.directory.c_str();
    return program;
}

[[noreturn]] void become(const Program &program, int report, int parents_end) {
    (void)close(parents_end); // else the check below would see our own copy
    if (setpgid(0, 0) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        give_up(report, Stage::kSetup, errno);
    }
    // The parent may have died before that took effect. getppid() would not do: it is 0 across a pid namespace.
    pollfd parent{report, 0, 0};
    if (poll(&parent, 1, 0) != 0) {
        _exit(127);
    }
    struct sigaction standard{};
    standard.sa_handler = SIG_DFL;
    for (int number = 1; number < NSIG; number++) {
        (void)sigaction(number, &standard, nullptr); // refused for SIGKILL, SIGSTOP and the C library's own
    }
    for (int target = 0; target < 3; target++) {
        int source = program.streams[static_cast<std::size_t>(target)];
        if (source >= 0 && dup2(source, target) < 0) {
            give_up(report, Stage::kStreams, errno);
        }
    }
    // Descriptors that some library opened without O_CLOEXEC.
    if (close_range(3, ~0U, CLOSE_RANGE_CLOEXEC) != 0) {
        give_up(report, Stage::kSetup, errno);
    }
    if (program.directory != nullptr && chdir(program.directory) != 0) {
        give_up(report, Stage::kDirectory, errno);
    }
    sigset_t none;
    (void)sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, nullptr);
    int code = ENOENT;
    for (const std::string &candidate : program.candidates) {
        (void)execve(candidate.c_str(), program.arguments.data(), program.environment.data());
        if (errno == ENOENT || errno == ENOTDIR) {
            continue;
        }
        code = errno;
        if (code != EACCES) { // as execvp(3): a later directory may hold one that we may run
            break;
        }
    }
    give_up(report, Stage::kExec, code);
}

} // namespace ballast::child_program
