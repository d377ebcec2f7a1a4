// SPDX-License-Identifier: Apache-2.0
#include "image-build/stage.h"

#include <cstdio>
#include <format>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::image_build {
namespace {

constexpr int kNameWidth = 28; // as ./dev prints its own stages
constexpr int kBarWidth = 30;
using std::chrono::steady_clock;

} // namespace

Stage::Stage(std::string name, std::filesystem::path log)
    : name_(std::move(name)), log_(std::move(log)), start_(steady_clock::now()), terminal_(isatty(STDOUT_FILENO) == 1) {
    (void)write_file(log_, ""); // a log that cannot be written shows when the first program opens it
    if (terminal_) {
        std::fputs(std::format("{:<{}} …", name_, kNameWidth).c_str(), stdout);
        std::fflush(stdout);
    }
}

void Stage::progress(std::uint64_t done, std::uint64_t total) {
    const auto now = steady_clock::now();
    if (!terminal_ || total == 0 || now - drawn_ < std::chrono::milliseconds(100)) {
        return;
    }
    drawn_ = now;
    const int filled = static_cast<int>(std::min<std::uint64_t>(done * kBarWidth / total, kBarWidth));
    std::fputs(std::format("\r{:<{}} [{:<{}}] {:3}%", name_, kNameWidth, std::string(filled, '#'), kBarWidth,
                           std::min<std::uint64_t>(done * 100 / total, 100))
                   .c_str(),
               stdout);
    std::fflush(stdout);
}

void Stage::done(const std::string &note) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(steady_clock::now() - start_).count();
    std::fputs(std::format("{}{:<{}} {:4} s{}\n", terminal_ ? "\r\033[K" : "", name_, kNameWidth, seconds,
                           note.empty() ? "" : "  (" + note + ")")
                   .c_str(),
               stdout);
    std::fflush(stdout);
}

Error Stage::failed(Error error) {
    std::fputs(std::format("{}{:<{}} failed\n", terminal_ ? "\r\033[K" : "", name_, kNameWidth).c_str(), stdout);
    std::fflush(stdout);
    error.message = name_ + ": " + error.message;
    std::error_code ignored;
    if (std::filesystem::file_size(log_, ignored) > 0 && !ignored) {
        error.message += "\nthe log is in " + log_.string();
    }
    return error;
}

} // namespace ballast::image_build
