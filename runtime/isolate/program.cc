// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/program.h"

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ballast::isolate {
namespace {

constexpr std::string_view kPath = "PATH=";
constexpr std::string_view kDefaultPath = "/bin:/usr/bin"; // confstr(_CS_PATH)

std::string_view variable_name(const std::string &variable) {
    return std::string_view(variable).substr(0, variable.find('='));
}

std::string_view search_path(const Words &environment) {
    for (const std::string &variable : environment.list()) {
        if (variable.starts_with(kPath)) {
            return std::string_view(variable).substr(kPath.size());
        }
    }
    return kDefaultPath;
}

// 0, or why this file is none that can be run.
int check_executable(const char *path) {
    if (faccessat(AT_FDCWD, path, X_OK, AT_EACCESS) != 0) {
        return errno;
    }
    struct stat status{};
    if (stat(path, &status) != 0) {
        return errno;
    }
    return S_ISREG(status.st_mode) ? 0 : EACCES;
}

// Appends to what stands in `path` so far; false when that is longer than any path.
bool append(ProgramPath &path, std::size_t &used, std::string_view text) {
    if (text.size() >= path.path.size() - used) {
        return false;
    }
    std::memcpy(path.path.data() + used, text.data(), text.size());
    used += text.size();
    path.path.at(used) = '\0';
    return true;
}

// "DIRECTORY/NAME", and in the working directory NAME.
bool join(std::string_view directory, std::string_view name, ProgramPath &path) {
    std::size_t used = 0;
    return append(path, used, directory) && (directory.empty() || append(path, used, "/")) && append(path, used, name);
}

// What execvp(3) goes on after: the next directory may have it.
bool is_elsewhere(int code) {
    return code == ENOENT || code == ENOTDIR || code == ESTALE || code == ENODEV || code == ETIMEDOUT;
}

} // namespace

std::vector<std::string> plan_environment(std::vector<std::string> variables) {
    std::vector<std::uint32_t> order(variables.size());
    for (std::uint32_t i = 0; i < order.size(); i++) {
        order[i] = i;
    }
    std::ranges::sort(order, [&](std::uint32_t left, std::uint32_t right) {
        const int names = variable_name(variables[left]).compare(variable_name(variables[right]));
        return names != 0 ? names < 0 : left < right;
    });
    std::vector<bool> replaced(variables.size());
    for (std::size_t i = 1; i < order.size(); i++) {
        replaced[order[i - 1]] = variable_name(variables[order[i - 1]]) == variable_name(variables[order[i]]);
    }
    std::size_t kept = 0;
    for (std::size_t i = 0; i < variables.size(); i++) {
        if (!replaced[i]) {
            if (kept != i) {
                variables[kept] = std::move(variables[i]);
            }
            kept++;
        }
    }
    variables.resize(kept);
    return variables;
}

Outcome find_executable(std::string_view name, const Words &environment, ProgramPath &found) {
    if (name.empty()) {
        return failed_at(Step::kFindProgram, -1, ENOENT);
    }
    if (name.contains('/')) {
        if (!join("", name, found)) {
            return failed_at(Step::kFindProgram, -1, ENAMETOOLONG);
        }
        const int code = check_executable(found.path.data());
        return code == 0 ? done() : failed_at(Step::kFindProgram, -1, code);
    }
    int refused = ENOENT;
    std::string_view rest = search_path(environment);
    for (bool more = true; more;) {
        const std::size_t colon = rest.find(':');
        const std::string_view directory = rest.substr(0, colon);
        more = colon != std::string_view::npos;
        rest.remove_prefix(more ? colon + 1 : rest.size());
        if (!join(directory, name, found)) {
            continue;
        }
        const int code = check_executable(found.path.data());
        if (code == 0) {
            return done();
        }
        if (code == EACCES) {
            refused = EACCES;
        } else if (!is_elsewhere(code)) {
            return failed_at(Step::kFindProgram, -1, code);
        }
    }
    return failed_at(Step::kFindProgram, -1, refused);
}

} // namespace ballast::isolate
