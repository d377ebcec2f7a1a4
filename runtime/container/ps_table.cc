// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/ps_table.h"

#include <algorithm>
#include <array>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::container {
namespace {

std::vector<std::string_view> words_of(std::string_view line) {
    std::vector<std::string_view> words;
    for (std::size_t at = line.find_first_not_of(' '); at != std::string_view::npos;) {
        const std::size_t end = std::min(line.find(' ', at), line.size());
        words.push_back(line.substr(at, end - at));
        at = line.find_first_not_of(' ', end);
    }
    return words;
}

Result<std::string> output_of_ps(std::vector<std::string> options) {
    std::vector<char *> pointers{const_cast<char *>("ps")};
    for (std::string &option : options) {
        pointers.push_back(option.data());
    }
    pointers.push_back(nullptr);
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("ps");
    }
    const Fd output(ends[0]);
    Fd input(ends[1]);
    const pid_t child = fork();
    if (child < 0) {
        return fail_errno("ps");
    }
    if (child == 0) {
        dup2(input.get(), STDOUT_FILENO);
        execvp("ps", pointers.data());
        _exit(127);
    }
    input.close();
    Result<std::string> text = read_all(output, "ps");
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status) && WEXITSTATUS(status) == 127) {
        return fail(ENOENT, "ps is not installed; --format json needs none");
    }
    if (status != 0) {
        return fail(EINVAL, "ps failed; see what it wrote above");
    }
    return text;
}

} // namespace

Result<std::string> lines_about(const std::vector<pid_t> &pids, const std::string &table) {
    const std::string_view all = table;
    const std::string_view heading = all.substr(0, all.find('\n'));
    const std::vector<std::string_view> columns = words_of(heading);
    const auto column = std::ranges::find(columns, "PID");
    if (column == columns.end()) {
        return fail(EINVAL, "ps prints no column PID with these options");
    }
    const auto place = static_cast<std::size_t>(column - columns.begin());
    std::string chosen = std::string(heading) + "\n";
    for (std::size_t at = heading.size() + 1; at < all.size();) {
        const std::size_t end = std::min(all.find('\n', at), all.size());
        const std::string_view line = all.substr(at, end - at);
        const std::vector<std::string_view> cells = words_of(line);
        if (cells.size() > place &&
            std::ranges::any_of(pids, [&](pid_t pid) { return cells[place] == std::to_string(pid); })) {
            chosen += std::string(line) + "\n";
        }
        at = end + 1;
    }
    return chosen;
}

Result<std::string> ps_table(const std::vector<pid_t> &pids, std::vector<std::string> options) {
    if (options.empty()) {
        options.emplace_back("-ef");
    }
    return lines_about(pids, TRY(output_of_ps(std::move(options))));
}

} // namespace ballast::container
