// SPDX-License-Identifier: Apache-2.0
#include "base/subprocess.h"

#include <algorithm>
#include <array>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <format>
#include <poll.h>
#include <ranges>
#include <string_view>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child_program.h"
#include "base/file_io.h"

namespace ballast {

// What becomes the child's descriptors 0, 1 and 2; -1: ours.
struct Child::Streams {
    int input = -1;
    int output = -1;
    int errors = -1;
};

namespace {

using Clock = std::chrono::steady_clock;
using child_program::Failure;
using child_program::Stage;

constexpr std::size_t kTailBytes = 4096;
constexpr std::size_t kTailLines = 6;

std::string shell_quoted(const std::string &word) {
    constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_@%+=:,./-";
    if (!word.empty() && word.find_first_not_of(kPlain) == std::string::npos) {
        return word;
    }
    std::string quoted = "'";
    for (char letter : word) {
        quoted += letter == '\'' ? std::string("'\\''") : std::string(1, letter);
    }
    return quoted + "'";
}

struct Pipe {
    Fd read_end;
    Fd write_end;
};

// dup2() onto 0, 1 and 2 in the child must not overwrite a source: keep ours above them even when the caller closed
// them.
Result<Fd> above_streams(Fd fd) {
    if (fd.get() > STDERR_FILENO) {
        return fd;
    }
    Fd copy(fcntl(fd.get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1));
    if (!copy.is_open()) {
        return fail_errno("duplicate a descriptor");
    }
    return copy;
}

Result<Pipe> make_pipe() {
    std::array<int, 2> ends{};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) {
        return fail_errno("pipe");
    }
    Fd read_end(ends[0]);
    Fd write_end(ends[1]);
    return Pipe{TRY(above_streams(std::move(read_end))), TRY(above_streams(std::move(write_end)))};
}

// A file, not a pipe: nobody has to write while the child reads.
Result<Fd> input_of(const Command &command) {
    if (command.input.empty()) {
        return above_streams(TRY(open_file("/dev/null", O_RDONLY)));
    }
    Fd fd = TRY(above_streams(Fd(memfd_create("input", MFD_CLOEXEC))));
    TRY(write_all(fd, command.input).within("input"));
    if (lseek(fd.get(), 0, SEEK_SET) != 0) {
        return fail_errno("input");
    }
    return fd;
}

Result<Fd> log_of(const Command &command) {
    return above_streams(TRY(open_file(command.log, O_WRONLY | O_APPEND | O_CREAT, 0644)));
}

int exit_status(const siginfo_t &info) { return info.si_code == CLD_EXITED ? info.si_status : 128 + info.si_status; }

std::optional<Clock::time_point> deadline_of(std::optional<std::chrono::milliseconds> timeout) {
    return timeout ? std::optional(Clock::now() + *timeout) : std::nullopt;
}

// poll(2) until the deadline, over EINTR. 0 when it has passed.
Result<int> poll_until(std::vector<pollfd> &descriptors, std::optional<Clock::time_point> deadline) {
    while (true) {
        int wait = -1;
        if (deadline) {
            auto left = std::chrono::ceil<std::chrono::milliseconds>(*deadline - Clock::now()).count();
            wait = static_cast<int>(std::clamp<long long>(left, 0, 24LL * 3600 * 1000));
        }
        int ready = poll(descriptors.data(), descriptors.size(), wait);
        if (ready > 0 || (ready == 0 && Clock::now() >= *deadline)) {
            return ready;
        }
        if (ready < 0 && errno != EINTR) {
            return fail_errno("poll");
        }
    }
}

// Appends what one read gives. False at the end of the file.
Result<bool> read_some(BorrowedFd fd, std::string &text) {
    std::array<char, 64UL << 10> buffer; // NOLINT(cppcoreguidelines-pro-type-member-init): filled by read()
    ssize_t got = read(fd.get(), buffer.data(), buffer.size());
    if (got < 0 && errno != EINTR) {
        return fail_errno("read its output");
    }
    text.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    return got != 0;
}

// What the pipe holds now; a daemon that the program left behind may keep it open, and even write on.
Status drain(BorrowedFd fd, std::string &text) {
    int available = 0;
    if (fd.get() < 0 || ioctl(fd.get(), FIONREAD, &available) != 0) {
        return {};
    }
    std::size_t enough = text.size() + static_cast<std::size_t>(available);
    while (text.size() < enough) {
        TRY(read_some(fd, text));
    }
    return {};
}

// The last lines as one: "a | b | c", with a colon in front; empty when there are none.
std::string tail(std::string_view text) {
    if (text.size() > kTailBytes) {
        text.remove_prefix(text.size() - kTailBytes);
        text.remove_prefix(std::min(text.size(), text.find('\n') + 1)); // npos + 1: keep all of one long line
    }
    std::vector<std::string_view> lines;
    while (!text.empty() && lines.size() < kTailLines) {
        std::size_t start = text.rfind('\n') + 1; // npos + 1: the first line
        std::string_view line = text.substr(start);
        line = line.substr(0, line.find_last_not_of(" \t\r") + 1);
        if (!line.empty()) {
            lines.push_back(line);
        }
        text = text.substr(0, start > 0 ? start - 1 : 0);
    }
    std::string joined;
    for (std::string_view line : std::views::reverse(lines)) {
        joined += joined.empty() ? ": " : " | ";
        joined += line;
    }
    return joined;
}

std::uint64_t log_size(const Command &command) {
    std::error_code missing;
    std::uint64_t size = command.log.empty() ? 0 : std::filesystem::file_size(command.log, missing);
    return missing ? 0 : size;
}

// The last lines of what the program wrote to stderr, wherever that went; `before`: size of the log at the start.
std::string last_words(const Command &command, const Completed &completed, std::uint64_t before) {
    if (command.log.empty()) {
        return tail(completed.errors);
    }
    std::uint64_t size = log_size(command);
    std::uint64_t start = std::max(before, size - std::min<std::uint64_t>(size, 2 * kTailBytes));
    Result<Fd> fd = open_file(command.log, O_RDONLY);
    if (!fd || lseek(fd->get(), static_cast<off_t>(start), SEEK_SET) < 0) {
        return " (see " + command.log.string() + ")";
    }
    return tail(read_all(*fd, command.log).value_or("")) + " (see " + command.log.string() + ")";
}

} // namespace

std::string Command::describe() const {
    std::string text = directory.empty() ? "" : "cd " + shell_quoted(directory) + " && ";
    for (const auto &[name, value] : environment) {
        text += name + "=" + shell_quoted(value) + " ";
    }
    for (const std::string &argument : arguments) {
        text += shell_quoted(argument) + " ";
    }
    return text.substr(0, text.empty() ? 0 : text.size() - 1);
}

Result<Child> Child::spawn(const Command &command, const Streams &streams) {
    child_program::Program program = child_program::prepare(command);
    program.streams = {streams.input, streams.output, streams.errors};
    const std::string &name = command.arguments[0];
    Pipe report = TRY(make_pipe().within(name));

    // No handler of ours may run in the child, on a copy of our state.
    sigset_t all;
    sigset_t before;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t pid = fork();
    if (pid == 0) {
        child_program::become(program, report.write_end.get(), report.read_end.get());
    }
    int code = errno;
    (void)pthread_sigmask(SIG_SETMASK, &before, nullptr);
    if (pid < 0) {
        return fail_errno(name + ": fork", code);
    }
    report.write_end.close();
    // Safe from reuse of the number: nobody but us reaps it.
    // By number: glibc 2.41 declares the pidfd functions without C linkage.
    Child child(pid, Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0))));
    if (!child.pidfd_.is_open()) {
        return fail_errno(name + ": pidfd_open");
    }
    // Ends at exec, which closes the other end: nothing read means success.
    std::string record = TRY(read_all(report.read_end, "the child's report").within(name));
    Failure failure{};
    if (record.size() < sizeof failure) {
        return child;
    }
    std::memcpy(&failure, record.data(), sizeof failure);
    switch (failure.stage) {
    case Stage::kDirectory:
        return fail_errno(name + ": enter directory " + command.directory.string(), failure.code);
    case Stage::kStreams:
        return fail_errno(name + ": redirect its input and output", failure.code);
    case Stage::kSetup:
        return fail_errno(name + ": prepare the process", failure.code);
    case Stage::kExec:
        break;
    }
    return fail_errno(name, failure.code);
}

Result<Child> Child::start(const Command &command) {
    TRY(child_program::check(command));
    const std::string &name = command.arguments[0];
    if (command.timeout) {
        return fail(EINVAL, name + ": a program left running has no timeout; give one to wait()");
    }
    Fd input = TRY(input_of(command).within(name));
    if (command.log.empty()) {
        return spawn(command, {input.get(), -1, -1});
    }
    Fd log = TRY(log_of(command).within(name));
    return spawn(command, {input.get(), log.get(), log.get()});
}

Child::Child(Child &&other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)), status_(other.status_) {}

Child &Child::operator=(Child &&other) noexcept {
    std::swap(pid_, other.pid_); // ours is killed with `other`
    std::swap(pidfd_, other.pidfd_);
    std::swap(status_, other.status_);
    return *this;
}

Child::~Child() {
    if (pid_ > 0) {
        kill_group();
        (void)reap(); // nobody is left who could ask for the status
    }
}

void Child::kill_group() const {
    // Until we reap the child its number stays taken, so this cannot hit anybody else. The child itself may have moved
    // to another group. Both fail only when there is nothing left to kill.
    (void)kill(-pid_, SIGKILL);
    (void)kill(pid_, SIGKILL);
}

// Waits for the end; kills what is left of the group while the number is still ours.
Status Child::reap() {
    siginfo_t info{};
    for (int options : {WEXITED | WNOWAIT, WEXITED}) {
        while (waitid(P_PID, static_cast<id_t>(pid_), &info, options) != 0) {
            if (errno != EINTR) {
                pid_ = -1; // SIGCHLD is ignored and the kernel reaped it: its number may be another's now
                return fail_errno("wait for a child");
            }
        }
        kill_group();
    }
    status_ = exit_status(info);
    pid_ = -1;
    return {};
}

Status Child::signal(int number) {
    if (pid_ < 0) {
        return fail_errno("signal a child that was waited for", ESRCH);
    }
    if (syscall(SYS_pidfd_send_signal, pidfd_.get(), number, nullptr, 0) != 0) {
        return fail_errno("send signal " + std::to_string(number));
    }
    return {};
}

Result<int> Child::wait(std::optional<std::chrono::milliseconds> timeout) {
    if (pid_ > 0) {
        std::vector<pollfd> descriptors = {{pidfd_.get(), POLLIN, 0}};
        if (TRY(poll_until(descriptors, deadline_of(timeout))) == 0) {
            return fail(ETIMEDOUT, std::format("process {} still runs after {}", pid_, *timeout));
        }
        TRY(reap());
    }
    return status_;
}

Result<Completed> run(const Command &command) {
    TRY(child_program::check(command));
    const std::string &name = command.arguments[0];
    std::uint64_t log_before = log_size(command);
    Fd input = TRY(input_of(command).within(name));
    Pipe output = TRY(make_pipe().within(name));
    Pipe errors;
    if (command.log.empty()) {
        errors = TRY(make_pipe().within(name));
    } else {
        errors.write_end = TRY(log_of(command).within(name));
    }
    auto deadline = deadline_of(command.timeout);
    Child child = TRY(Child::spawn(command, {input.get(), output.write_end.get(), errors.write_end.get()}));
    output.write_end.close();
    errors.write_end.close();

    Completed completed;
    // A negative descriptor is one that poll() passes over.
    std::vector<pollfd> descriptors = {
        {output.read_end.get(), POLLIN, 0}, {errors.read_end.get(), POLLIN, 0}, {child.pidfd().get(), POLLIN, 0}};
    while (descriptors[2].revents == 0) {
        if (TRY(poll_until(descriptors, deadline).within(name)) == 0) {
            child.kill_group();
            TRY(child.reap().within(name));
            TRY(drain(output.read_end, completed.output).within(name));
            TRY(drain(errors.read_end, completed.errors).within(name));
            return fail(ETIMEDOUT, std::format("{}: still ran after {}, killed{}", name, *command.timeout,
                                               last_words(command, completed, log_before)));
        }
        for (std::size_t stream : {0UZ, 1UZ}) {
            std::string &text = stream == 0 ? completed.output : completed.errors;
            if (descriptors[stream].revents != 0 &&
                !TRY(read_some(BorrowedFd(descriptors[stream].fd), text).within(name))) {
                descriptors[stream].fd = -1;
            }
            if (command.most_output && text.size() > *command.most_output) {
                child.kill_group();
                TRY(child.reap().within(name));
                return fail(EFBIG, std::format("{}: printed more than {} bytes, killed", name, *command.most_output));
            }
        }
    }
    completed.status = TRY(child.wait().within(name));
    TRY(drain(output.read_end, completed.output).within(name));
    TRY(drain(errors.read_end, completed.errors).within(name));
    return completed;
}

Result<std::string> run_checked(const Command &command) {
    std::uint64_t log_before = log_size(command);
    Completed completed = TRY(run(command));
    if (completed.status == 0) {
        return std::move(completed.output);
    }
    const char *signal = completed.status > 128 ? sigdescr_np(completed.status - 128) : nullptr;
    return fail(EIO, std::format("{}: exit status {}{}{}", command.arguments[0], completed.status,
                                 signal != nullptr ? std::format(" ({})", signal) : "",
                                 last_words(command, completed, log_before)));
}

} // namespace ballast
