// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/oom_watch.h"

#include <array>
#include <cerrno>
#include <fcntl.h>
#include <poll.h>
#include <string_view>
#include <unistd.h>

namespace ballast::isolate {
namespace {

constexpr std::size_t kSize = 512; // both files have a handful of lines

// The number behind `key`; reading also tells the kernel to wake us at the next change. A cgroup that is gone (ENODEV)
// is one without processes.
Result<std::optional<std::uint64_t>> value_now(const Fd &file, std::string_view key) {
    std::array<char, kSize> text{};
    ssize_t length = -1;
    do {
        length = ::pread(file.get(), text.data(), text.size(), 0);
    } while (length < 0 && errno == EINTR);
    if (length < 0 && errno == ENODEV) {
        return std::optional<std::uint64_t>();
    }
    if (length < 0) {
        return fail_errno("read the events of the cgroup");
    }
    return flat_value({text.data(), static_cast<std::size_t>(length)}, key);
}

} // namespace

Result<OomWatch> OomWatch::open(const CgroupDir &directory) {
    Fd memory = TRY(directory.open("memory.events", O_RDONLY));
    Fd events = TRY(directory.open("cgroup.events", O_RDONLY));
    OomWatch watch(std::move(memory), std::move(events));
    watch.killed_ = TRY(value_now(watch.memory_, "oom_kill")).value_or(0); // earlier ones are no news
    return watch;
}

Result<OomWatch::Event> OomWatch::next(std::chrono::milliseconds timeout) {
    using Clock = std::chrono::steady_clock;
    const Clock::time_point deadline = Clock::now() + timeout;
    while (true) {
        // First who is left, then who was killed: the last process' end is not told before its reason.
        const bool empty = TRY(value_now(events_, "populated")).value_or(0) == 0;
        const std::uint64_t killed = TRY(value_now(memory_, "oom_kill")).value_or(killed_);
        if (killed != killed_) {
            killed_ = killed;
            return Event::kOom;
        }
        if (empty) {
            return Event::kEmpty;
        }
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - Clock::now());
        if (left.count() <= 0) {
            return Event::kNothing;
        }
        std::array<pollfd, 2> waiting = {{{.fd = memory_.get(), .events = POLLPRI, .revents = 0},
                                          {.fd = events_.get(), .events = POLLPRI, .revents = 0}}};
        if (::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) < 0 && errno != EINTR) {
            return fail_errno("wait for events of the cgroup");
        }
    }
}

} // namespace ballast::isolate
