// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/oci_trace.h"

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <fcntl.h>
#include <sched.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"

namespace ballast::bench {
namespace {

using std::chrono::steady_clock;

constexpr int kEverySystemCall = SIGTRAP | 0x80; // PTRACE_O_TRACESYSGOOD
constexpr long kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE |
                          PTRACE_O_TRACEEXEC | PTRACE_O_TRACEEXIT | PTRACE_O_EXITKILL;

struct FileId {
    dev_t device = 0;
    ino_t inode = 0;
    bool operator==(const FileId &) const = default;
};

Result<FileId> file_id(const std::string &path) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) {
        return fail_errno(path);
    }
    return FileId{status.st_dev, status.st_ino};
}

// A number of /proc/PID/status: "VmHWM:", "Tgid:". 0 when the process has none (kernel side is gone).
unsigned status_number(pid_t pid, const std::string &key) {
    const Result<std::string> text = read_file("/proc/" + std::to_string(pid) + "/status");
    const std::size_t at = text.has_value() ? text->find(key) : std::string::npos;
    return at == std::string::npos ? 0 : static_cast<unsigned>(std::stoul(text->substr(at + key.size())));
}

// As much of the tracee's memory as there is, up to `size`.
std::string memory_of(pid_t pid, std::uint64_t address, std::size_t size) {
    std::string bytes(size, '\0');
    const Result<Fd> memory = open_file("/proc/" + std::to_string(pid) + "/mem", O_RDONLY);
    const ssize_t count =
        memory.has_value() ? pread(memory->get(), bytes.data(), size, static_cast<off_t>(address)) : -1;
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
}

bool opens_config(pid_t pid, std::uint64_t address) {
    constexpr std::size_t kLongest = 512;
    const std::string path = memory_of(pid, address, kLongest).c_str(); // up to the NUL
    return path.ends_with("config.json");
}

class Tracer {
  public:
    explicit Tracer(FileId program) : program_(program) {}
    Result<Trace> run(const std::vector<std::string> &command);

  private:
    struct Process {
        bool executed = false; // before, it is a copy of us (the first) or of its parent
        bool is_program = false;
        unsigned peak_kib = 0;
    };

    Status start(const std::vector<std::string> &command);
    Status follow(pid_t task, int wait_status);
    void stopped_for(pid_t task, int event);
    void system_call(pid_t task);
    void note_memory(pid_t task);
    void pass(Landmark landmark);
    Process &process_of(pid_t task);

    FileId program_;
    Trace trace_;
    pid_t first_ = -1;
    bool started_ = false;
    steady_clock::time_point start_;
    unsigned stops_ = 0;
    std::map<pid_t, pid_t> tasks_; // thread to process
    std::map<pid_t, Process> processes_;
    std::vector<pid_t> order_;
};

void Tracer::pass(Landmark landmark) {
    std::optional<Passed> &passed = trace_.passed.at(static_cast<std::size_t>(landmark));
    if (started_ && !passed) {
        passed = Passed{std::chrono::duration<double>(steady_clock::now() - start_).count(), stops_};
    }
}

Tracer::Process &Tracer::process_of(pid_t task) {
    pid_t &process = tasks_[task];
    if (process == 0) {
        process = static_cast<pid_t>(status_number(task, "Tgid:"));
        if (!processes_.contains(process)) {
            processes_[process].executed = process != first_;
            order_.push_back(process);
        }
    }
    return processes_[process];
}

void Tracer::note_memory(pid_t task) {
    Process &process = process_of(task);
    if (process.executed && !process.is_program) {
        process.peak_kib = std::max(process.peak_kib, status_number(task, "VmHWM:"));
    }
}

Status Tracer::start(const std::vector<std::string> &command) {
    std::vector<char *> arguments;
    for (const std::string &argument : command) {
        arguments.push_back(const_cast<char *>(argument.c_str())); // NOLINT: execv wants it so and changes nothing
    }
    arguments.push_back(nullptr);
    const Fd null = TRY(open_file("/dev/null", O_RDWR));
    first_ = fork();
    if (first_ < 0) {
        return fail_errno("fork");
    }
    if (first_ == 0) {
        for (const int standard : {0, 1, 2}) {
            dup2(null.get(), standard);
        }
        ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
        raise(SIGSTOP);
        execv(arguments[0], arguments.data());
        _exit(127);
    }
    int status = 0;
    if (waitpid(first_, &status, 0) < 0 || !WIFSTOPPED(status) ||
        ptrace(PTRACE_SETOPTIONS, first_, nullptr, kOptions) != 0 || // NOLINT: an integer in a pointer's place
        ptrace(PTRACE_SYSCALL, first_, nullptr, nullptr) != 0) {
        return fail_errno("trace " + command.front());
    }
    (void)process_of(first_);
    return {};
}

void Tracer::system_call(pid_t task) {
    __ptrace_syscall_info info{};
    if (ptrace(PTRACE_GET_SYSCALL_INFO, task, sizeof info, &info) <= 0 || info.op != PTRACE_SYSCALL_INFO_ENTRY) {
        return;
    }
    const Process &process = process_of(task);
    if (process.is_program || !process.executed) {
        return;
    }
    const auto number = static_cast<int>(info.entry.nr);
    ++trace_.calls[number];
    std::uint64_t flags = 0;
    switch (number) {
    case SYS_open:
    case SYS_openat:
    case SYS_openat2:
        if (opens_config(task, info.entry.args[number == SYS_open ? 0 : 1])) {
            pass(Landmark::kConfig);
        }
        return;
    case SYS_clone3: {
        const std::string start = memory_of(task, info.entry.args[0], sizeof flags);
        std::ranges::copy(start, reinterpret_cast<char *>(&flags)); // NOLINT: the kernel's structure begins with it
        break;
    }
    case SYS_clone:
    case SYS_unshare:
        flags = info.entry.args[0];
        break;
    case SYS_setns:
        flags = info.entry.args[1];
        break;
    case SYS_pivot_root:
        pass(Landmark::kPivot);
        return;
    case SYS_execve:
    case SYS_execveat:
        note_memory(task); // the last moment of this address space
        return;
    default:
        return;
    }
    if ((flags & CLONE_NEWPID) != 0) {
        pass(Landmark::kNamespace);
    }
}

void Tracer::stopped_for(pid_t task, int event) {
    Process &process = process_of(task);
    if (event == PTRACE_EVENT_EXEC) {
        if (task == first_ && !started_) {
            started_ = true;
            start_ = steady_clock::now();
            stops_ = 0;
            pass(Landmark::kStart);
        }
        process.executed = true;
        const Result<FileId> now = file_id("/proc/" + std::to_string(task) + "/exe");
        if (now.has_value() && *now == program_) {
            process.is_program = true;
            pass(Landmark::kProgram);
        }
    } else if (event == PTRACE_EVENT_EXIT) {
        note_memory(task);
        if (process.is_program) {
            pass(Landmark::kEnded);
        }
    }
}

Status Tracer::follow(pid_t task, int wait_status) {
    if (WIFEXITED(wait_status) || WIFSIGNALED(wait_status)) {
        if (task == first_) {
            trace_.status = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
            pass(Landmark::kGone);
        }
        tasks_.erase(task);
        return {};
    }
    ++stops_;
    int signal = WSTOPSIG(wait_status);
    const int event = wait_status >> 16;
    if (!tasks_.contains(task)) {
        (void)process_of(task);
        signal = 0; // the stop with which a new tracee begins
    } else if (signal == kEverySystemCall) {
        system_call(task);
        signal = 0;
    } else if (event != 0) {
        stopped_for(task, event);
        signal = 0;
    }
    // ESRCH: killed meanwhile, and its end comes next.
    if (ptrace(PTRACE_SYSCALL, task, nullptr, static_cast<long>(signal)) != 0 && errno != ESRCH) {
        return fail_errno("trace process " + std::to_string(task));
    }
    return {};
}

Result<Trace> Tracer::run(const std::vector<std::string> &command) {
    TRY(start(command));
    while (!tasks_.empty()) {
        int status = 0;
        const pid_t task = waitpid(-1, &status, __WALL);
        if (task < 0) {
            return fail_errno("wait for " + command.front());
        }
        TRY(follow(task, status));
    }
    for (const pid_t process : order_) {
        if (processes_[process].peak_kib != 0) {
            trace_.peak_kib.push_back(processes_[process].peak_kib);
        }
    }
    return std::move(trace_);
}

} // namespace

Result<Trace> trace(const std::vector<std::string> &command, const std::string &program) {
    Tracer tracer(TRY(file_id(program)));
    return tracer.run(command);
}

} // namespace ballast::bench
