// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/oom_kills.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <fcntl.h>
#include <optional>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::monitor {
namespace {

std::optional<std::uint64_t> read_now(const Fd &file) {
    std::array<char, 512> text{}; // the file has a handful of lines
    const ssize_t got = pread(file.get(), text.data(), text.size(), 0);
    if (got < 0) { // ENODEV: removed
        return std::nullopt;
    }
    return oom_kills_in({text.data(), static_cast<std::size_t>(got)});
}

} // namespace

std::uint64_t oom_kills_in(std::string_view text) {
    constexpr std::string_view key = "oom_kill ";
    while (!text.empty()) {
        const std::string_view line = text.substr(0, text.find('\n'));
        if (line.starts_with(key)) {
            std::uint64_t value = 0;
            (void)std::from_chars(line.data() + key.size(), line.data() + line.size(), value); // 0 when it is none
            return value;
        }
        text.remove_prefix(std::min(text.size(), line.size() + 1));
    }
    return 0;
}

Result<OomKills> OomKills::open(const std::string &cgroup) {
    OomKills kills;
    kills.file_ = TRY(open_file(cgroup + "/memory.events", O_RDONLY));
    return kills;
}

bool OomKills::look() {
    if (!file_.is_open()) {
        return false;
    }
    const std::optional<std::uint64_t> now = read_now(file_);
    if (!now) {
        file_.close(); // it would be ready for ever
        return false;
    }
    const bool more = *now > count_;
    count_ = std::max(*now, count_);
    return more;
}

} // namespace ballast::monitor
