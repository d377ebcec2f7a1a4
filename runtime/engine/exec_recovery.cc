// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <utility>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/log.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"
#include "runtime/engine/process_end.h"

// Execs after a death: of the daemon, whose monitors tell of them; of a monitor, whose children the daemon waits for;
// of both, which leaves files and the kernel, and an exit status that is lost.
namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kLargestProcess = 4UL << 20;

fs::path file_of(const Paths &path, const std::string &exec, const char *suffix) {
    return path.run / ("exec-" + exec + suffix);
}

// What of it `docker inspect` shows and the file for the runtime has.
ExecConfig read_config(const fs::path &file) {
    ExecConfig config;
    const Result<std::string> text = read_file(file, kLargestProcess);
    Result<JsonDocument> document = text ? JsonDocument::parse(*text, file) : std::unexpected(text.error());
    if (document) {
        const JsonCursor root(*document);
        config.cmd = root.at("args").texts();
        config.tty = root.at("terminal").boolean();
        config.env = root.at("env").texts();
        config.working_dir = root.at("cwd").text();
    }
    return config;
}

int number_in(const fs::path &file) {
    const std::string text = read_file(file, 64).value_or("");
    int number = 0;
    (void)std::from_chars(text.data(), text.data() + text.size(), number); // 0: not written yet
    return number;
}

bool share_mounts(int one, int other) {
    struct stat first{}, second{};
    return stat(("/proc/" + std::to_string(one) + "/ns/mnt").c_str(), &first) == 0 &&
           stat(("/proc/" + std::to_string(other) + "/ns/mnt").c_str(), &second) == 0 &&
           first.st_ino == second.st_ino && first.st_dev == second.st_dev;
}

// Of a number that may be somebody else's by now: nothing when it is.
Fd open_exec(int pid, int container_pid) {
    Fd process;
    if (pid > 0 && container_pid > 0) {
        process = Fd(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    }
    return process.is_open() && share_mounts(pid, container_pid) ? std::move(process) : Fd();
}

} // namespace

void Engine::Core::recover_execs(Container &container, const std::vector<monitor::SessionState> &sessions) {
    const Paths path = paths(container.id);
    for (const monitor::SessionState &session : sessions) {
        container.next_session = std::max(container.next_session, session.session + 1);
        if (session.session == 0 || session.name.empty() || !is_id(session.name)) {
            continue; // of a health check
        }
        auto exec = std::make_shared<Exec>();
        exec->id = session.name;
        exec->config = read_config(file_of(path, exec->id, ".json"));
        exec->session = session.session;
        exec->started = true;
        if (session.phase == monitor::Phase::kNew) { // who was to start it died before it asked
            exec->exit_code = kLostStatus;
            exec->ended = std::chrono::system_clock::now();
        } else {
            exec->running = true; // its end, or that it could not be started, is told once we listen
            exec->pid = static_cast<int>(session.pid);
        }
        container.execs.emplace(exec->id, std::move(exec));
    }
}

void Engine::Core::take_over_execs(const ContainerPtr &container, const std::vector<std::shared_ptr<Exec>> &execs) {
    for (const std::shared_ptr<Exec> &exec : execs) {
        int known = 0, container_pid = 0;
        {
            const std::scoped_lock lock(container->mutex);
            if (!exec->running || std::exchange(exec->taken_over, true)) {
                continue; // since a monitor before this one was killed
            }
            known = exec->pid;
            container_pid = container->data.state.pid;
        }
        timer.soon([this, container, exec, known, container_pid] {
            const fs::path file = file_of(paths(container->id), exec->id, ".pid");
            if (known == 0) { // who asked for it was told that it failed; then whether there is a process is settled
                end_making(*container, "exec", file);
            }
            const int pid = known > 0 ? known : number_in(file);
            const Fd process = open_exec(pid, container_pid);
            while (process.is_open() && !timer.stopping() && !ends_within(process, 1s)) {
            }
            if (timer.stopping()) {
                return;
            }
            exec_ended(container, exec->session, end_of_child(pid));
            collect_orphans();
        });
    }
}

void Engine::Core::note_end(const std::string &container, const Exec &exec) const {
    if (!exec.internal) {
        const std::string code = std::to_string(exec.exit_code.value_or(kLostStatus));
        (void)replace_file(file_of(paths(container), exec.id, ".exit"), code, 0600); // no directory: it has ended, too
    }
}

std::vector<std::shared_ptr<Exec>> Engine::Core::recover_lost_execs(const ContainerPtr &container) {
    constexpr std::string_view kPrefix = "exec-", kSuffix = ".json";
    const Paths path = paths(container->id);
    std::vector<std::shared_ptr<Exec>> running;
    std::error_code error;
    const std::scoped_lock lock(container->mutex);
    for (const fs::directory_entry &entry : fs::directory_iterator(path.run, error)) {
        const std::string name = entry.path().filename();
        if (!name.starts_with(kPrefix) || !name.ends_with(kSuffix)) {
            continue;
        }
        auto exec = std::make_shared<Exec>();
        exec->id = name.substr(kPrefix.size(), name.size() - kPrefix.size() - kSuffix.size());
        if (!is_id(exec->id) || container->execs.contains(exec->id)) {
            continue;
        }
        exec->config = read_config(entry.path());
        exec->started = true;
        exec->session = container->next_session++;
        if (const fs::path exit = file_of(path, exec->id, ".exit"); fs::exists(exit, error)) {
            exec->exit_code = number_in(exit);
            exec->ended = std::chrono::system_clock::now();
        } else {
            exec->running = true;
            exec->pid = number_in(file_of(path, exec->id, ".pid"));
            running.push_back(exec);
        }
        container->execs.emplace(exec->id, exec);
    }
    return running;
}

} // namespace ballast::engine
