// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/ps_output.h"

#include <algorithm>
#include <charconv>

namespace ballast::engine {
namespace {

Texts words_of(std::string_view line, std::size_t most = SIZE_MAX) {
    Texts words;
    while (true) {
        const std::size_t start = line.find_first_not_of(" \t");
        if (start == std::string_view::npos) {
            return words;
        }
        line.remove_prefix(start);
        const std::size_t end =
            words.size() + 1 == most ? line.size() : std::min(line.find_first_of(" \t"), line.size());
        words.emplace_back(line.substr(0, end));
        line.remove_prefix(end);
    }
}

} // namespace

Result<Texts> ps_words(const std::string &arguments) {
    Texts words = words_of(arguments);
    for (const std::string &word : words) {
        // "-o pid=NAME" renames a column: what would be read as a pid need not be one.
        const std::size_t equals = word.find('=');
        if (equals != std::string::npos && !word.starts_with("--")) {
            return fail(EINVAL, "specifying \"" + word + "\" is not allowed");
        }
    }
    return words;
}

Result<Processes> parse_ps(const std::string &output, const std::vector<int> &pids) {
    Processes processes;
    std::size_t column = 0;
    bool first = true;
    for (std::size_t start = 0; start < output.size();) {
        const std::size_t end = std::min(output.find('\n', start), output.size());
        const std::string_view line = std::string_view(output).substr(start, end - start);
        start = end + 1;
        if (first) {
            first = false;
            processes.titles = words_of(line);
            const auto found = std::ranges::find(processes.titles, "PID");
            if (found == processes.titles.end()) {
                return fail(EINVAL, "Couldn't find PID field in ps output");
            }
            column = static_cast<std::size_t>(found - processes.titles.begin());
            continue;
        }
        Texts row = words_of(line, processes.titles.size()); // the last column, the command, has spaces
        int pid = 0;
        if (row.size() > column &&
            std::from_chars(row[column].data(), row[column].data() + row[column].size(), pid).ec == std::errc() &&
            std::ranges::contains(pids, pid)) {
            processes.rows.push_back(std::move(row));
        }
    }
    return processes;
}

} // namespace ballast::engine
