// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runtime/engine/core.h"
#include "runtime/engine/pods.h"

// Programs that Kubernetes runs in a container and waits for: probes, and hooks of containers' lives.
namespace ballast::engine {
namespace {

using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kFrameHeader = 8; // Docker's: stream, three zeros, length in big-endian order
constexpr char kErrors = 2;             // the stream
constexpr auto kTold = 5s;              // for the monitor to tell of an end
constexpr auto kLook = 500ms;           // for who asked to have left

// Takes frames apart as they come; what is over the limit is dropped.
class Frames {
  public:
    explicit Frames(RunInside &to) : to_(to) {}

    void take(std::string_view bytes) {
        while (!bytes.empty()) {
            if (left_ == 0) {
                const std::size_t more = std::min(kFrameHeader - header_.size(), bytes.size());
                header_.append(bytes.substr(0, more));
                bytes.remove_prefix(more);
                if (header_.size() == kFrameHeader) {
                    begin();
                }
                continue;
            }
            const std::size_t more = std::min(left_, bytes.size());
            const std::size_t room = kMostOutput - std::min(kMostOutput, to_.output.size() + to_.errors.size());
            (errors_ ? to_.errors : to_.output).append(bytes.substr(0, std::min(more, room)));
            bytes.remove_prefix(more);
            left_ -= more;
        }
    }

  private:
    void begin() {
        errors_ = header_[0] == kErrors;
        for (std::size_t byte = 4; byte < kFrameHeader; byte++) {
            left_ = left_ << 8U | static_cast<unsigned char>(header_[byte]);
        }
        header_.clear();
    }

    RunInside &to_;
    std::string header_;
    std::size_t left_ = 0; // of the frame's text
    bool errors_ = false;
};

// Until the program has ended. ETIMEDOUT, ECANCELED.
Status read_all(BorrowedFd stream, std::optional<Clock::time_point> until, const std::stop_token &stop, Frames &to) {
    std::array<char, 16384> bytes{};
    while (true) {
        auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(kLook);
        if (until) {
            wait = std::min(wait, std::chrono::ceil<std::chrono::milliseconds>(*until - Clock::now()));
        }
        if (wait.count() <= 0) {
            return fail(ETIMEDOUT, "the command was killed: its time is over");
        }
        if (stop.stop_requested()) {
            return fail(ECANCELED, "the command was killed: nobody waits for it any more");
        }
        pollfd readable{.fd = stream.get(), .events = POLLIN, .revents = 0};
        if (poll(&readable, 1, static_cast<int>(wait.count())) <= 0) {
            continue;
        }
        const ssize_t got = ::read(stream.get(), bytes.data(), bytes.size());
        if (got <= 0) {
            return {};
        }
        to.take({bytes.data(), static_cast<std::size_t>(got)});
    }
}

void kill_process(int pid) {
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (process.is_open()) {
        (void)syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); // ESRCH: it has ended
    }
}

} // namespace

Result<RunInside> Pods::run(const std::string &reference, Texts command, std::optional<std::chrono::seconds> timeout,
                            const std::stop_token &stop) {
    const ContainerPtr container = TRY(find(reference, Pod::Role::kContainer));
    std::optional<Clock::time_point> until;
    if (timeout) {
        until = Clock::now() + *timeout;
    }
    ExecConfig config;
    config.attach_stdout = config.attach_stderr = true;
    config.cmd = std::move(command);
    const std::shared_ptr<Exec> exec = TRY(core_->create_exec(container, std::move(config), true));
    const std::optional<Fd> stream = TRY(core_->start_exec(container, exec, false));
    RunInside result;
    Frames frames(result);
    if (const Status read = read_all(*stream, until, stop, frames); !read) {
        kill_process(exec->pid);
        return std::unexpected(read.error());
    }
    std::unique_lock lock(container->mutex);
    (void)container->changed.wait_for(lock, kTold, [&] { return exec->exit_code.has_value(); }); // asked below
    if (!exec->exit_code) {
        return fail(EIO, "how the command ended is not known");
    }
    result.exit_code = *exec->exit_code;
    return result;
}

} // namespace ballast::engine
