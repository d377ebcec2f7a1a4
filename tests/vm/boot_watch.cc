// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/boot_watch.h"

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <optional>
#include <poll.h>
#include <string_view>
#include <sys/inotify.h>
#include <unistd.h>
#include <vector>

#include "base/file_io.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::size_t kTailLines = 25;
constexpr std::uint64_t kTailBytes = 16ULL * 1024;
// Linux gives up when a few timer interrupts do not come within some 100 ms: under emulation on a busy host they do
// not.
constexpr std::string_view kStarvedTimer = "IO-APIC + timer doesn't work";

std::string read_from(const fs::path &file, std::uint64_t offset) {
    std::ifstream stream(file, std::ios::binary);
    stream.seekg(static_cast<std::streamoff>(offset));
    return {std::istreambuf_iterator<char>(stream), {}};
}

Result<Fd> watch_files(const BootWatch &watch) {
    Fd inotify(inotify_init1(IN_CLOEXEC | IN_NONBLOCK));
    if (!inotify.is_open()) {
        return fail_errno("inotify");
    }
    for (const fs::path &file : {watch.ready, watch.serial_log}) {
        if (inotify_add_watch(inotify.get(), file.c_str(), IN_MODIFY) < 0) {
            return fail_errno("watch " + file.string());
        }
    }
    return inotify;
}

// Searches each byte of the log once; a line may lie across several reads.
class PanicSearch {
  public:
    explicit PanicSearch(const BootWatch &watch) : file_(watch.serial_log), offset_(watch.serial_offset) {}

    // What the kernel says behind "not syncing", once the line is whole.
    std::optional<std::string> find() {
        static constexpr std::string_view kMarker = "Kernel panic - not syncing";
        const std::string fresh = read_from(file_, offset_);
        offset_ += fresh.size();
        text_ += fresh;
        const std::size_t at = text_.find(kMarker);
        if (at == std::string::npos) {
            text_.erase(0, text_.size() - std::min(text_.size(), kMarker.size() - 1));
            return std::nullopt;
        }
        const std::size_t end = text_.find_first_of("\r\n", at);
        if (end == std::string::npos) {
            return std::nullopt;
        }
        return text_.substr(at + kMarker.size(), end - at - kMarker.size());
    }

  private:
    fs::path file_;
    std::uint64_t offset_;
    std::string text_;
};

} // namespace

std::string last_line(const std::string &text) {
    const std::size_t end = text.rfind('\n');
    if (end == std::string::npos) {
        return "";
    }
    const std::size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
    const std::size_t start = before == std::string::npos ? 0 : before + 1;
    return text.substr(start, end - start);
}

std::string serial_tail(const fs::path &serial_log) {
    std::error_code error;
    const std::uint64_t size = fs::file_size(serial_log, error);
    const std::string text = error ? "" : read_from(serial_log, size - std::min(size, kTailBytes));
    std::vector<std::string> lines(1);
    for (const char c : text) {
        if (c == '\n') {
            lines.emplace_back();
        } else if (static_cast<unsigned char>(c) >= 0x20) {
            lines.back() += c;
        }
    }
    std::erase(lines, "");
    if (lines.empty()) {
        return "nothing in " + serial_log.string();
    }
    std::string tail = "last lines of " + serial_log.string() + ":";
    for (std::size_t i = lines.size() - std::min(lines.size(), kTailLines); i < lines.size(); ++i) {
        tail += "\n    " + lines[i];
    }
    return tail;
}

Result<std::string> wait_for_boot(const BootWatch &watch, BorrowedFd pidfd, milliseconds timeout) {
    const auto deadline = steady_clock::now() + timeout;
    const auto failed = [&watch](int code, const std::string &what) {
        return fail(code, what + "; " + serial_tail(watch.serial_log));
    };
    const Fd changes = TRY(watch_files(watch));
    PanicSearch panic(watch);
    while (true) {
        // First look, then sleep: what came before the watch stood raises no event.
        std::string id = last_line(TRY(read_file(watch.ready)));
        if (!id.empty() && id != watch.not_boot_id) {
            return id;
        }
        if (const std::optional<std::string> reason = panic.find()) {
            if (reason->contains(kStarvedTimer)) {
                return failed(EAGAIN, "the guest was starved of processor time while it tested its timer");
            }
            if (watch.panic_is_fatal) {
                return failed(ENOTRECOVERABLE, "the guest's kernel panicked" + *reason);
            }
        }
        std::array<pollfd, 2> waiting{{{changes.get(), POLLIN, 0}, {pidfd.get(), POLLIN, 0}}};
        const auto left = std::chrono::ceil<milliseconds>(deadline - steady_clock::now()).count();
        const int ready = left <= 0 ? 0 : poll(waiting.data(), waiting.size(), static_cast<int>(left));
        if (ready < 0 && errno != EINTR) {
            return fail_errno("wait for the guest");
        }
        if (ready == 0) {
            return failed(ETIMEDOUT, "the guest was not ready after " + std::to_string(timeout.count() / 1000) + " s");
        }
        if (ready > 0 && waiting[1].revents != 0) {
            return failed(ECHILD, "QEMU ended before the guest was ready");
        }
        std::array<char, 4096> events{};
        while (read(changes.get(), events.data(), events.size()) > 0) {
        }
    }
}

} // namespace ballast::vm
