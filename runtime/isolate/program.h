// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <climits>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/isolate/outcome.h"
#include "runtime/isolate/words.h"

// Which file a program's name means: the search of execvp(3).
namespace ballast::isolate {

struct ProgramPath {
    std::array<char, PATH_MAX> path{};
};

// Of variables that are given more than once the last one, as other runtimes do; the order stays.
std::vector<std::string> plan_environment(std::vector<std::string> variables);

// ENOENT when nothing has that name, EACCES when something has that cannot be run: a directory, a device, no execute
// permission for us. A name with a slash is looked for there only. An empty part of PATH is the working directory;
// without PATH it is /bin and /usr/bin.
Outcome find_executable(std::string_view name, const Words &environment, ProgramPath &found);

} // namespace ballast::isolate
