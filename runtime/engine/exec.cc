// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/root_dir.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"
#include "runtime/engine/pod_user.h"
#include "runtime/engine/process_end.h"
#include "runtime/engine/user_lookup.h"
#include "runtime/monitor/detach_keys.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s;
constexpr auto kTold = 5s;                     // for the monitor to tell of an end
constexpr std::chrono::minutes kRemembered{5}; // after its end
constexpr int kNotFound = 127, kNotExecutable = 126;

std::string command_text(const Texts &words) {
    std::string text;
    for (const std::string &word : words) {
        text += (text.empty() ? "" : " ") + word;
    }
    return text;
}

Error describe_failure(const ExecConfig &config, const Error &error, int &code) {
    const std::string &said = error.message;
    const std::string name = config.cmd.empty() ? "" : config.cmd.front();
    const bool missing = said.contains("No such file or directory") || said.contains("Not a directory");
    std::string reason = escaped(said);
    code = kNotExecutable;
    if (said.contains("executable file ") || said.contains("open executable ")) {
        code = missing ? kNotFound : kNotExecutable;
        const std::string exec = "unable to start container process: exec: " + quote(name) + ": ";
        reason = missing && !name.contains('/') ? exec + "executable file not found in $PATH"
                 : missing                      ? exec + "stat " + escaped(name) + ": no such file or directory"
                                                : exec + "permission denied";
    }
    return {EINVAL, "OCI runtime exec failed: exec failed: " + reason + ": unknown"};
}

// The root of a running container, seen from outside: users are looked up in it, nothing of it is run.
Result<RootDir> root_of(int pid) { return RootDir::open("/proc/" + std::to_string(pid) + "/root"); }

// Whether nothing of it runs any more, though nobody may have taken its status yet.
bool is_gone(int pid) {
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process.is_open()) {
        return errno == ESRCH;
    }
    return ends_within(process, 0ms);
}

} // namespace

Result<std::shared_ptr<Exec>> Engine::Core::create_exec(const ContainerPtr &container, ExecConfig config,
                                                        bool internal) {
    if (config.cmd.empty()) {
        return fail(EINVAL, "No exec command specified");
    }
    if (!config.detach_keys.empty() && config.detach_keys != "-") {
        TRY(monitor::parse_detach_keys(config.detach_keys));
    }
    const std::scoped_lock lock(container->mutex);
    TRY(may_exec(container->id, container->data.state.phase));
    const Time old = std::chrono::system_clock::now() - kRemembered;
    std::erase_if(container->execs, [&](const auto &entry) {
        const std::shared_ptr<Exec> &one = entry.second;
        if (one->running || one->ended == kNever || (!one->internal && one->ended >= old)) {
            return false;
        }
        if (!one->internal) { // those of health checks are forgotten at once
            timer.soon([this, container, one] { forget_exec(container, *one); });
        }
        return true;
    });
    auto exec = std::make_shared<Exec>();
    exec->id = random_id();
    exec->config = std::move(config);
    exec->internal = internal;
    exec->session = container->next_session++;
    container->execs.emplace(exec->id, exec);
    return exec;
}

Result<std::optional<Fd>> Engine::Core::start_exec(const ContainerPtr &container, const std::shared_ptr<Exec> &exec,
                                                   bool detach) {
    {
        const std::scoped_lock lock(container->mutex);
        TRY(may_exec(container->id, container->data.state.phase));
        if (exec->started) {
            return fail(EBUSY, "Error: Exec command " + exec->id + " has already run");
        }
        exec->started = true;
    }
    Result<std::optional<Fd>> stream = run_exec(container, exec, detach);
    if (!stream) {
        const std::scoped_lock lock(container->mutex);
        if (!exec->running && exec->ended == kNever) {
            exec->exit_code = exec->exit_code.value_or(kNotExecutable);
            exec->ended = std::chrono::system_clock::now();
            note_end(container->id, *exec);
        }
        container->changed.notify_all();
    }
    return stream;
}

Result<std::optional<Fd>> Engine::Core::run_exec(const ContainerPtr &container, const std::shared_ptr<Exec> &exec,
                                                 bool detach) {
    Snapshot data;
    std::shared_ptr<monitor::Connection> control;
    {
        const std::scoped_lock lock(container->mutex);
        data = container->data;
        control = container->control;
    }
    if (control == nullptr) {
        return fail(EBUSY, "container " + container->id + " is not running");
    }
    const ExecConfig &config = exec->config;
    const std::string user = config.user.empty() ? data.config.user : config.user;
    const Settings now = settings();
    ExecPlanInput input{
        .container = &data,
        .host = host,
        .user = TRY(look_up_user(TRY(root_of(data.state.pid)), user,
                                 config.user.empty() ? data.host.group_add : Texts(), memberships_of(data.pod))),
        .cmd = config.cmd,
        .env = config.env,
        .linked_env = linked(data).value_or(Linked()).env, // none once one of those ended: no reason to refuse
        .working_dir = config.working_dir,
        .tty = config.tty,
        .privileged = config.privileged,
        .no_new_privileges = now.no_new_privileges,
        .default_ulimits = now.ulimits,
        .console_height = config.console_height,
        .console_width = config.console_width};
    const Paths path = paths(container->id);
    const fs::path file = path.run / ("exec-" + exec->id + ".json");
    TRY(write_file(file, TRY(plan_exec(input)), 0600));
    const bool stdin_wanted = config.attach_stdin && !detach;
    const std::scoped_lock one_request(container->control_mutex);
    TRY(control->call<monitor::Done>(monitor::ExecCreate{.session = exec->session,
                                                         .name = exec->internal ? std::string() : exec->id,
                                                         .process = file,
                                                         .pid_file = path.run / ("exec-" + exec->id + ".pid"),
                                                         .terminal = config.tty,
                                                         .open_input = stdin_wanted,
                                                         .rows = config.console_height,
                                                         .columns = config.console_width},
                                     kPatience));
    std::optional<Fd> stream;
    if (!detach) {
        std::string keys;
        if (config.detach_keys != "-") {
            keys = config.detach_keys.empty() ? std::string(monitor::kDefaultDetachKeys)
                                              : TRY(monitor::parse_detach_keys(config.detach_keys));
        }
        stream = TRY(monitor::attach(path.socket,
                                     {.session = exec->session,
                                      .input = stdin_wanted,
                                      .output = config.attach_stdout || config.tty,
                                      .errors = config.attach_stderr,
                                      .close_input = true,
                                      .detach_keys = std::move(keys)},
                                     kPatience));
    }
    {
        const std::scoped_lock lock(container->mutex);
        exec->running = true; // before it runs: its end may be told before the answer is
    }
    const Result<monitor::Started> started =
        control->call<monitor::Started>(monitor::ExecStart{.session = exec->session}, kPatience);
    if (!started && started.error().code == EPIPE) {
        // Whether its program runs is found out as for those that ran when their monitor was killed.
        take_over_execs(container, {exec});
        return fail(EPIPE, "exec " + exec->id + ": the container's monitor was killed while it was started");
    }
    if (!started) {
        int code = 0;
        Error error = describe_failure(config, started.error(), code);
        {
            const std::scoped_lock lock(container->mutex);
            exec->running = false;
            exec->exit_code = code;
        }
        (void)control->call<monitor::Done>(monitor::ExecForget{.session = exec->session}, kPatience); // never ran
        return std::unexpected(std::move(error));
    }
    const std::scoped_lock lock(container->mutex);
    exec_runs(*exec, static_cast<int>(started->pid));
    return stream;
}

void Engine::Core::exec_runs(Exec &exec, int pid) {
    if (exec.running && exec.pid == 0) { // else its end was told already, or its pid was
        exec.pid = pid;
        orphans.claim(pid); // ours to wait for, should its monitor be killed
    }
}

void Engine::Core::forget_exec(const ContainerPtr &container, const Exec &exec) {
    std::shared_ptr<monitor::Connection> control;
    {
        const std::scoped_lock lock(container->mutex);
        control = container->control;
    }
    for (const char *suffix : {".json", ".pid", ".exit"}) {
        (void)unlink((paths(container->id).run / ("exec-" + exec.id + suffix)).c_str()); // goes with the directory else
    }
    if (control != nullptr) {
        const std::scoped_lock lock(container->control_mutex);
        // The monitor may be gone, or be one that never heard of it.
        (void)control->call<monitor::Done>(monitor::ExecForget{.session = exec.session}, kPatience);
    }
}

Result<std::pair<ContainerPtr, std::shared_ptr<Exec>>> Engine::Core::find_exec(const std::string &id) {
    for (const ContainerPtr &container : all()) {
        const std::scoped_lock lock(container->mutex);
        if (const auto found = container->execs.find(id); found != container->execs.end() && !found->second->internal) {
            return std::pair(container, found->second);
        }
    }
    return fail(ENOENT, "No such exec instance: " + escaped(id.substr(0, 128)));
}

Result<std::string> Engine::create_exec(const std::string &reference, ExecConfig config) {
    const ContainerPtr container = TRY(core_->find(reference));
    const std::string command = command_text(config.cmd);
    const std::shared_ptr<Exec> exec = TRY(core_->create_exec(container, std::move(config), false));
    core_->event(*container, "exec_create: " + command, {{"execID", exec->id}});
    return exec->id;
}

Result<std::optional<Fd>> Engine::start_exec(const std::string &exec_id, bool detach,
                                             std::optional<std::pair<std::uint16_t, std::uint16_t>> height_width) {
    const auto [container, exec] = TRY(core_->find_exec(exec_id));
    if (height_width) {
        const std::scoped_lock lock(container->mutex);
        exec->config.console_height = height_width->first;
        exec->config.console_width = height_width->second;
    }
    core_->event(*container, "exec_start: " + command_text(exec->config.cmd), {{"execID", exec->id}});
    return core_->start_exec(container, exec, detach);
}

Result<ExecState> Engine::inspect_exec(const std::string &exec_id) {
    const auto found = TRY(core_->find_exec(exec_id));
    const auto &[container, exec] = found;
    std::unique_lock lock(container->mutex);
    if (exec->running && exec->pid > 0 && is_gone(exec->pid)) {
        // The monitor ends the streams a moment before it tells the exit code. Clients ask as soon as they see that
        // end, and to them a code that is not known is a 0. What is known after the time is told.
        (void)container->changed.wait_for(lock, kTold, [&process = *exec] { return !process.running; });
    }
    return ExecState{.id = exec->id,
                     .container_id = container->id,
                     .running = exec->running,
                     .exit_code = exec->exit_code,
                     .pid = exec->pid,
                     .can_remove = exec->started && !exec->running,
                     .config = exec->config};
}

Status Engine::resize_exec(const std::string &exec_id, std::uint16_t height, std::uint16_t width) {
    const auto [container, exec] = TRY(core_->find_exec(exec_id));
    std::shared_ptr<monitor::Connection> control;
    {
        const std::scoped_lock lock(container->mutex);
        if (!exec->running) {
            return fail(EBUSY, "exec " + exec->id + " is not running");
        }
        control = container->control;
    }
    if (control == nullptr) {
        return fail(EBUSY, "container " + container->id + " is not running");
    }
    const std::scoped_lock lock(container->control_mutex);
    TRY(control->call<monitor::Done>(monitor::Resize{.session = exec->session, .rows = height, .columns = width},
                                     kPatience));
    return {};
}

} // namespace ballast::engine
