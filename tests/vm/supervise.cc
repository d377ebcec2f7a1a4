// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/supervise.h"

#include <array>
#include <csignal>
#include <cstdio>
#include <fcntl.h>
#include <poll.h>
#include <sstream>
#include <string>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/file_io.h"
#include "base/log.h"

namespace ballast::vm {
namespace {

sigset_t ending_signals() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : {SIGINT, SIGTERM, SIGHUP}) {
        sigaddset(&set, number);
    }
    return set;
}

// Whoever reads our output waits for its end, not for the machine's.
void leave_terminal() {
    fflush(nullptr);
    const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        (void)dup2(null.get(), standard); // at worst they stay as they are
    }
}

// The terminal's modes, put back when the child was killed before it could.
class TerminalModes {
  public:
    TerminalModes() : known_(tcgetattr(STDIN_FILENO, &modes_) == 0) {}
    void restore() const {
        if (known_) {
            (void)tcsetattr(STDIN_FILENO, TCSANOW, &modes_); // nobody left to tell
        }
    }

  private:
    termios modes_{};
    bool known_;
};

struct Ended {
    int status = 0;
    bool interrupted = false;
    bool released = false; // it has not ended, but goes on alone
};

Ended reap(pid_t child) {
    int status = 0;
    while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
    }
    if (WIFEXITED(status)) {
        return {.status = WEXITSTATUS(status)};
    }
    const sigset_t ending = ending_signals(); // a terminal sends them to both of us
    return {.status = 128 + WTERMSIG(status), .interrupted = sigismember(&ending, WTERMSIG(status)) == 1};
}

// Waits until the child has ended or (with `released` open) says that it goes on alone. `signals` is a signalfd.
Ended watch_child(pid_t child, const Fd &signals, const Fd &released) {
    const Fd ended(static_cast<int>(syscall(SYS_pidfd_open, child, 0)));
    while (true) {
        std::array<pollfd, 3> waiting{
            {{signals.get(), POLLIN, 0}, {ended.get(), POLLIN, 0}, {released.get(), POLLIN, 0}}};
        if (poll(waiting.data(), waiting.size(), -1) < 0) {
            continue; // EINTR
        }
        char byte = 0;
        if ((waiting[2].revents & POLLIN) != 0 && read(released.get(), &byte, 1) == 1) {
            return {.released = true};
        }
        if (waiting[1].revents != 0) {
            return reap(child);
        }
        if (waiting[0].revents != 0) {
            signalfd_siginfo info{};
            if (read(signals.get(), &info, sizeof(info)) != sizeof(info)) {
                continue;
            }
            kill(child, SIGKILL); // what it started dies with it; what it wrote is tidied here
            (void)reap(child);
            return {.status = 128 + static_cast<int>(info.ssi_signo), .interrupted = true};
        }
    }
}

// What the child had started was killed with it and is ours now, but for daemons (gpg-agent), which nobody ends: when
// we return all are gone, not going. Whom a daemon leaves in its turn becomes ours as it ends.
void end_leftovers() {
    const std::string ours = "/proc/self/task/" + std::to_string(gettid()) + "/children";
    do {
        std::istringstream pids(read_file(ours).value_or(""));
        for (pid_t pid = 0; pids >> pid;) {
            kill(pid, SIGTERM);
        }
    } while (waitpid(-1, nullptr, 0) > 0 || errno == EINTR);
}

int supervised(bool releasable, const std::function<int(const std::function<void()> &)> &work, const Tidy &tidy) {
    const sigset_t ending = ending_signals();
    sigset_t before;
    sigprocmask(SIG_BLOCK, &ending, &before);
    const Fd signals(signalfd(-1, &ending, SFD_CLOEXEC));
    std::array<int, 2> pipe{-1, -1};
    if (!signals.is_open() || pipe2(pipe.data(), O_CLOEXEC) != 0) {
        log::error("cannot make a pipe and a signalfd");
        return 1;
    }
    Fd reader(pipe[0]);
    Fd writer(pipe[1]);
    const Fd no_release;
    const TerminalModes modes;
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) {
        log::error("cannot fork");
        return 1;
    }
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() != parent) {
            _exit(1); // it died before we asked to be told
        }
        if (releasable) {
            setsid();
        } else {
            sigprocmask(SIG_SETMASK, &before, nullptr);
        }
        const int status = work([&writer] {
            prctl(PR_SET_PDEATHSIG, 0);
            leave_terminal();
            (void)!write(writer.get(), "r", 1); // a parent that is gone needs no word
        });
        fflush(nullptr);
        _exit(status);
    }
    writer.close();
    const Ended ended = watch_child(child, signals, releasable ? reader : no_release);
    sigprocmask(SIG_SETMASK, &before, nullptr);
    if (ended.released) {
        return 0;
    }
    if (ended.status > 128) {
        modes.restore();
    }
    end_leftovers();
    tidy(ended.interrupted);
    return ended.status;
}

} // namespace

int supervise(const std::function<int()> &work, const Tidy &tidy) {
    return supervised(false, [&work](const std::function<void()> &) { return work(); }, tidy);
}

int supervise_until_released(const std::function<int(const std::function<void()> &released)> &work, const Tidy &tidy) {
    return supervised(true, work, tidy);
}

} // namespace ballast::vm
