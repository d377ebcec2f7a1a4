// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/orphans.h"

#include <algorithm>
#include <charconv>
#include <csignal>
#include <filesystem>
#include <poll.h>
#include <sstream>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file_io.h"

namespace ballast::engine {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kLargestStat = 4096;
constexpr std::uint64_t kLongestCommand = 64UL << 10;
constexpr int kEndsWithinMs = 10'000;

struct Standing {
    char state = '?';
    pid_t parent = 0, group = 0, session = 0;
};

// proc_pid_stat(5)
Standing standing_of(pid_t pid) {
    Standing standing;
    const std::string text = read_file("/proc/" + std::to_string(pid) + "/stat", kLargestStat).value_or("");
    if (const std::size_t name = text.rfind(')'); name != std::string::npos) {
        std::istringstream rest(text.substr(name + 1));
        rest >> standing.state >> standing.parent >> standing.group >> standing.session;
    }
    return standing;
}

void each_process(const std::function<void(pid_t)> &visit) {
    std::error_code error; // what cannot be read is not there
    for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename();
        pid_t pid = 0;
        const auto [last, code] = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (code == std::errc() && last == name.data() + name.size()) {
            visit(pid);
        }
    }
}

// "PROGRAM … VERB … ARGUMENT …"
bool makes(const std::string &command, const std::string &program, const std::string &verb,
           const std::string &argument) {
    const std::size_t place = command.find('\0' + verb + '\0');
    return command.starts_with(program + '\0') && place != std::string::npos &&
           command.find('\0' + argument + '\0', place + 1) != std::string::npos;
}

} // namespace

Result<pid_t> Orphans::start(const std::function<Result<pid_t>()> &start) {
    const std::scoped_lock lock(mutex_);
    const pid_t pid = TRY(start());
    claimed_.insert(pid);
    return pid;
}

void Orphans::claim(pid_t pid) {
    const std::scoped_lock lock(mutex_);
    claimed_.insert(pid);
}

void Orphans::release(pid_t pid) {
    const std::scoped_lock lock(mutex_);
    if (const auto found = claimed_.find(pid); found != claimed_.end()) {
        claimed_.erase(found);
    }
}

std::size_t Orphans::collect() {
    const pid_t self = getpid(), session = getsid(0);
    const std::scoped_lock lock(mutex_);
    std::size_t alive = 0;
    each_process([&](pid_t pid) {
        const Standing standing = standing_of(pid);
        if (standing.parent != self || standing.session == session || claimed_.contains(pid)) {
            return;
        }
        alive += waitpid(pid, nullptr, WNOHANG) == 0 ? 1 : 0;
    });
    return alive;
}

Status end_runtime_calls(const std::string &program, const std::string &verb, const std::string &argument) {
    Status result;
    each_process([&](pid_t pid) {
        const auto found = [&] {
            const fs::path command = "/proc/" + std::to_string(pid) + "/cmdline";
            return makes(read_file(command, kLongestCommand).value_or(""), program, verb, argument);
        };
        if (!found()) {
            return;
        }
        const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
        // The number could have become another process's before it was opened; now it cannot any more.
        if (!process.is_open() || !found()) {
            return;
        }
        (void)syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); // ESRCH: it has ended
        pollfd ended{.fd = process.get(), .events = POLLIN, .revents = 0};
        if (poll(&ended, 1, kEndsWithinMs) != 1) {
            result = fail(ETIMEDOUT, "process " + std::to_string(pid) + " of the runtime does not end");
        }
    });
    return result;
}

} // namespace ballast::engine
