// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/session.h"

#include <array>
#include <charconv>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"

namespace ballast::monitor {
namespace {

constexpr int kLostStatus = 255;

struct Pipe {
    Fd ours, theirs;
};

// Only our end does not block: the two are files of their own.
Result<Pipe> make_pipe(bool we_write) {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("make a pipe");
    }
    Pipe pipe{Fd(ends[we_write ? 1 : 0]), Fd(ends[we_write ? 0 : 1])};
    if (fcntl(pipe.ours.get(), F_SETFL, O_NONBLOCK) != 0) {
        return fail_errno("make a pipe");
    }
    return pipe;
}

} // namespace

SessionState Session::state() const {
    return {.session = id,
            .name = name,
            .phase = phase,
            .terminal = terminal,
            .input_once = input_once,
            .input_open = input.is_open() && !input_ending,
            .pid = static_cast<std::uint32_t>(std::max(pid, 0)),
            .clients = 0,
            .end = end};
}

Result<RuntimeCall::Streams> open_streams(Session &session, const std::string &console) {
    RuntimeCall::Streams theirs;
    if (session.terminal) {
        session.console = TRY(ConsoleListener::create(console));
        return theirs;
    }
    if (session.open_input) {
        Pipe pipe = TRY(make_pipe(true));
        session.input = std::move(pipe.ours);
        theirs[0] = std::move(pipe.theirs);
    }
    Pipe output = TRY(make_pipe(false));
    Pipe errors = TRY(make_pipe(false));
    session.output = std::move(output.ours);
    session.errors = std::move(errors.ours);
    theirs[1] = std::move(output.theirs);
    theirs[2] = std::move(errors.theirs);
    return theirs;
}

void close_streams(Session &session) {
    session.console.reset();
    session.theirs.reset();
    session.input.close();
    session.output.close();
    session.errors.close();
}

Status take_terminal(Session &session) {
    if (!session.console) {
        return {};
    }
    const ConsoleListener console = std::move(*session.console);
    session.console.reset();
    session.output = TRY(console.receive());
    session.input = TRY(session.output.duplicate());
    return session.rows > 0 ? resize(session, session.rows, session.columns) : Status();
}

Status resize(Session &session, std::uint16_t rows, std::uint16_t columns) {
    if (!session.terminal) {
        return fail(EINVAL, "the process has no terminal");
    }
    session.rows = rows;
    session.columns = columns;
    if (!session.output.is_open()) {
        return {}; // at its start, then
    }
    winsize size{};
    size.ws_row = rows;
    size.ws_col = columns;
    return ioctl(session.output.get(), TIOCSWINSZ, &size) == 0 ? Status() : fail_errno("resize the terminal");
}

void write_input(Session &session) {
    while (session.input.is_open() && !session.to_input.empty()) {
        const ssize_t written = write(session.input.get(), session.to_input.data(), session.to_input.size());
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written < 0 && errno == EAGAIN) {
            return;
        }
        if (written < 0) { // nobody will read it
            session.input.close();
            break;
        }
        session.to_input.erase(0, static_cast<std::size_t>(written));
    }
    session.to_input.clear();
    session.to_input.shrink_to_fit();
    if (session.input_ending) {
        session.input.close();
    }
}

Result<pid_t> read_pid(const std::string &file) {
    const std::string text = TRY(read_file(file, 64));
    pid_t pid = -1;
    const auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), pid);
    const std::string_view rest(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (code != std::errc() || pid <= 0 || (!rest.empty() && rest != "\n")) {
        return fail(EPROTO, quote(file) + " holds no pid");
    }
    siginfo_t info{};
    if (waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) != 0) {
        return fail(ESRCH, "process " + std::to_string(pid) + " of " + quote(file) + " is no child of the monitor");
    }
    return pid;
}

End end_of(std::optional<int> wait_status) {
    if (!wait_status) {
        return {.status = kLostStatus};
    }
    if (WIFSIGNALED(*wait_status)) {
        const int signal = WTERMSIG(*wait_status);
        return {.known = true, .status = 128 + signal, .signal = signal};
    }
    return {.known = true, .status = WEXITSTATUS(*wait_status)};
}

} // namespace ballast::monitor
