// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/last_words.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>
#include <vector>

#include "agent/cri_client/labels.h"
#include "base/lines.h"
#include "base/positioned_io.h"
#include "base/root_dir.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOfFile = 4096, kMostOfLog = 2048, kMostLines = 80;
constexpr std::uint64_t kReadOfLog = 64UL << 10;

// The last or the first bytes of a plain file below `directory`.
Result<std::string> part_of(const fs::path &directory, const fs::path &file, std::uint64_t size, bool last) {
    const RootDir root = TRY(RootDir::open(directory));
    const Fd opened = TRY(root.open_path(file.lexically_relative(directory), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat status{};
    if (::fstat(opened.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(EINVAL, file.string() + " is no file");
    }
    const auto length = static_cast<std::uint64_t>(status.st_size);
    return read_at(opened, last && length > size ? length - size : 0, size, file.string());
}

// "TIME stdout F TEXT": the text, and its line's end unless it is a part (P).
std::string text_of(std::string_view line) {
    std::string_view tags;
    for (int word = 0; word < 3; word++) {
        const std::size_t end = line.find(' ');
        if (end == std::string_view::npos) {
            return ""; // the end of a line whose beginning was not read
        }
        tags = line.substr(0, end);
        line.remove_prefix(end + 1);
    }
    return std::string(line) + (tags.starts_with('P') ? "" : "\n");
}

std::string end_of_log(std::string_view log) {
    const std::vector<std::string> lines = lines_of(log);
    std::string text;
    for (std::size_t i = lines.size() - std::min(lines.size(), kMostLines); i < lines.size(); i++) {
        text += text_of(lines[i]);
    }
    return text.substr(text.size() - std::min(text.size(), kMostOfLog));
}

} // namespace

std::string last_words(const ObservedContainer &container, const fs::path &file, const fs::path &logs) {
    std::string words = part_of(file.parent_path(), file, kMostOfFile, false).value_or(""); // most have none
    const bool falls_back = container.annotation(labels::kTerminationPolicy) == "FallbackToLogsOnError";
    if (!words.empty() || !falls_back || container.exit_code == 0 || container.log_path.empty()) {
        return words;
    }
    return end_of_log(part_of(logs, container.log_path, kReadOfLog, true).value_or(""));
}

} // namespace ballast::agent
