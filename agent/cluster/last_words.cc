// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/last_words.h"

#include <algorithm>
#include <fcntl.h>
#include <sys/stat.h>

#include "agent/cri_client/labels.h"
#include "agent/logs/container_log.h"
#include "base/positioned_io.h"
#include "base/root_dir.h"

namespace ballast::agent {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostOfFile = 4096, kMostOfLog = 2048, kMostLines = 80;

// A container's program may have made it something else than a plain file.
Result<std::string> message_in(const fs::path &file) {
    const RootDir root = TRY(RootDir::open(file.parent_path()));
    const Fd opened = TRY(root.open_path(file.filename(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    struct stat status{};
    if (::fstat(opened.get(), &status) != 0 || !S_ISREG(status.st_mode)) {
        return fail(EINVAL, file.string() + " is no file");
    }
    return read_at(opened, 0, kMostOfFile, file.string());
}

Result<std::string> end_of_log(const fs::path &logs, const fs::path &file) {
    ContainerLog log = TRY(ContainerLog::open(logs, file, {.tail = kMostLines}));
    std::string text;
    while (TRY(log.read(text))) {
        text.erase(0, text.size() - std::min(text.size(), kMostOfLog));
    }
    return text;
}

} // namespace

std::string last_words(const ObservedContainer &container, const fs::path &file, const fs::path &logs) {
    std::string words = message_in(file).value_or(""); // most have none
    const bool falls_back = container.annotation(labels::kTerminationPolicy) == "FallbackToLogsOnError";
    if (!words.empty() || !falls_back || container.exit_code == 0 || container.log_path.empty()) {
        return words;
    }
    return end_of_log(logs, container.log_path).value_or("");
}

} // namespace ballast::agent
