// SPDX-License-Identifier: Apache-2.0
#include "updater/cli/progress.h"

#include <algorithm>
#include <cstdio>
#include <format>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/quote.h"
#include "updater/space.h"

namespace ballast::updater::cli {
namespace {

constexpr std::chrono::seconds kPlainEvery{10};
constexpr std::size_t kWidestBar = 40;

std::size_t terminal_columns() {
    winsize size{};
    constexpr std::size_t kUsual = 80;
    return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : kUsual;
}

// By objects: how many bytes come is not known before, deltas make them fewer.
std::uint64_t percent(const PullProgress &progress) {
    return progress.total_objects == 0 ? 100
                                       : std::min<std::uint64_t>(100, progress.objects * 100 / progress.total_objects);
}

} // namespace

std::string progress_line(const std::string &version, const PullProgress &progress, std::size_t columns) {
    const std::string front = escaped(version);
    const std::string back = std::format("{:3}%  {} of {}  {}/s", percent(progress), size_text(progress.bytes),
                                         size_text(progress.total_bytes), size_text(progress.rate));
    const std::size_t taken = front.size() + back.size() + 6; // brackets and blanks
    const std::size_t width = columns > taken ? std::min(columns - taken, kWidestBar) : 0;
    if (width < 5) {
        return (front + " " + back).substr(0, columns);
    }
    const std::size_t full = width * percent(progress) / 100;
    return front + "  [" + std::string(full, '#') + std::string(width - full, ' ') + "]  " + back;
}

Progress::Progress() : terminal_(::isatty(STDERR_FILENO) == 1) {}

void Progress::show(const std::string &version, const PullProgress &progress) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ && shown_ && now - last_ < kPlainEvery) {
        return;
    }
    last_ = now;
    shown_ = true;
    const std::size_t columns = terminal_ ? terminal_columns() - 1 : 0;
    const std::string line = terminal_ ? progress_line(version, progress, columns)
                                       : escaped(version) + ": " + std::to_string(percent(progress)) + "%, " +
                                             size_text(progress.bytes) + ", " + size_text(progress.rate) + "/s";
    (void)std::fprintf(stderr, terminal_ ? "\r%s\033[K" : "%s\n", line.c_str());
}

void Progress::finish() {
    if (terminal_ && shown_) {
        (void)std::fputc('\n', stderr);
    }
}

} // namespace ballast::updater::cli
