// SPDX-License-Identifier: Apache-2.0
#include "base/log.h"

#include <atomic>
#include <cerrno>
#include <cstdlib>
#include <format>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>
#include <vector>

#define SD_JOURNAL_SUPPRESS_LOCATION // the place that logs is this file, always
#include <systemd/sd-journal.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::log {
namespace {

std::atomic<Level> most_verbose_level = Level::kInfo;

std::string_view prefix(Level level) {
    switch (level) {
    case Level::kError:
        return "error: ";
    case Level::kWarning:
        return "warning: ";
    case Level::kNotice:
    case Level::kInfo:
        return "";
    case Level::kDebug:
        return "debug: ";
    }
    return "";
}

// systemd.exec(5): JOURNAL_STREAM is "device:inode" of the stream that systemd connected. It is inherited by programs
// whose stderr went elsewhere since, so the numbers must match.
bool stderr_is_the_journals() {
    const char *stream = std::getenv("JOURNAL_STREAM"); // NOLINT(concurrency-mt-unsafe): nothing of ours calls setenv
    struct stat status{};
    return stream != nullptr && fstat(STDERR_FILENO, &status) == 0 &&
           std::format("{}:{}", status.st_dev, status.st_ino) == stream;
}

bool write_to_journal(Level level, std::string_view message, std::initializer_list<Field> fields) {
    // sd_journal_sendv() reports success when nobody listens, and the message would be lost.
    if (access("/run/systemd/journal/socket", F_OK) != 0) {
        return false;
    }
    std::vector<std::string> entries;
    entries.reserve(fields.size() + 3);
    entries.push_back(std::format("MESSAGE={}", message));
    entries.push_back(std::format("PRIORITY={}", static_cast<int>(level)));
    entries.push_back(std::format("SYSLOG_IDENTIFIER={}", program_invocation_short_name));
    for (const auto &[name, value] : fields) {
        entries.push_back(std::format("{}={}", name, value));
    }
    std::vector<iovec> vectors;
    vectors.reserve(entries.size());
    for (std::string &entry : entries) {
        vectors.push_back({entry.data(), entry.size()});
    }
    return sd_journal_sendv(vectors.data(), static_cast<int>(vectors.size())) >= 0;
}

} // namespace

void set_level(Level most_verbose) { most_verbose_level = most_verbose; }

void write(Level level, std::string_view message, std::initializer_list<Field> fields) {
    if (level > most_verbose_level.load()) {
        return;
    }
    bool journal = stderr_is_the_journals();
    if (journal && write_to_journal(level, message, fields)) {
        return;
    }
    // sd-daemon(3): the level in front of every line, for who reads the stream in the journal's place.
    std::string each = journal ? std::format("<{}>", static_cast<int>(level)) : "";
    std::string text = each;
    if (!journal) {
        text += prefix(level);
    }
    while (message.ends_with('\n')) {
        message.remove_suffix(1);
    }
    for (std::size_t end = message.find('\n'); end != std::string_view::npos; end = message.find('\n')) {
        text += escaped(message.substr(0, end)) + "\n" + each + "  ";
        message.remove_prefix(end + 1);
    }
    text += escaped(message) + "\n";
    (void)write_all(BorrowedFd(STDERR_FILENO), text); // a closed stderr leaves nowhere to say so
}

} // namespace ballast::log
