// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/log.h"
#include "runtime/engine/consoles.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"
#include "runtime/engine/process_end.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;
constexpr auto kSettlePoll = 10ms;
constexpr auto kOrphanRound = 2s;

Time time_of(std::int64_t nanoseconds) { return Time(Nanoseconds(nanoseconds)); }

// Of what it said something may be in its pipes, or read and not yet written: both outlive its monitor.
bool may_be_unheard(Container &container) {
    const std::scoped_lock lock(container.mutex);
    return container.kept.contains(monitor::Role::kLogState);
}

bool is_process(int pid, const std::shared_ptr<Fd> &process) {
    if (pid <= 0 || process == nullptr) {
        return false;
    }
    return !ends_within(*process, 0ms);
}

} // namespace

void Engine::Core::wake_watcher() const {
    const std::uint64_t one = 1;
    (void)!::write(wake.get(), &one, sizeof one); // full: it is awake already
}

void Engine::Core::watch(const ContainerPtr &container, monitor::Connection connection) {
    const std::scoped_lock lock(watch_mutex);
    watched.push_back(
        {.container = container, .connection = std::make_unique<monitor::Connection>(std::move(connection))});
    wake_watcher();
}

void Engine::Core::watch_loop(const std::stop_token &stop) {
    while (!stop.stop_requested()) {
        std::vector<pollfd> waiting = {{.fd = wake.get(), .events = POLLIN, .revents = 0}};
        {
            const std::scoped_lock lock(watch_mutex);
            for (const Watched &one : watched) {
                waiting.push_back({.fd = one.connection->socket().get(), .events = POLLIN, .revents = 0});
            }
        }
        if (poll(waiting.data(), waiting.size(), -1) < 0) {
            continue; // EINTR
        }
        std::uint64_t count = 0;
        (void)!::read(wake.get(), &count, sizeof count);                   // nothing: nobody woke us
        for (std::size_t index = waiting.size() - 1; index > 0; index--) { // backwards: entries are taken out
            if (waiting[index].revents == 0) {
                continue;
            }
            ContainerPtr container;
            monitor::Connection *connection = nullptr;
            {
                const std::scoped_lock lock(watch_mutex);
                container = watched[index - 1].container; // others only add behind
                connection = watched[index - 1].connection.get();
            }
            if (!take_event(container, *connection)) {
                {
                    const std::scoped_lock lock(watch_mutex);
                    watched.erase(watched.begin() + static_cast<std::ptrdiff_t>(index) - 1);
                    ending++;
                }
                timer.soon([this, container] {
                    after_monitor(container);
                    const std::scoped_lock lock(watch_mutex);
                    ending--;
                    after_end.notify_all();
                });
            }
        }
    }
}

void Engine::Core::settle(std::chrono::milliseconds patience) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    std::unique_lock lock(watch_mutex);
    const auto told = [](const Watched &one) {
        pollfd socket{.fd = one.connection->socket().get(), .events = POLLIN, .revents = 0};
        return poll(&socket, 1, 0) == 1;
    };
    while (std::chrono::steady_clock::now() < deadline && (ending > 0 || std::ranges::any_of(watched, told))) {
        (void)after_end.wait_for(lock, kSettlePoll); // what the watcher has not seen yet tells nobody
    }
}

bool Engine::Core::take_event(const ContainerPtr &container, monitor::Connection &connection) {
    const Result<monitor::Frame> frame = connection.receive(kPatience);
    if (!frame) {
        return false;
    }
    if (frame->type == monitor::Type::kState) {
        const Result<monitor::State> state = monitor::message_of<monitor::State>(*frame);
        for (std::size_t index = 0; state && index < state->sessions.size(); index++) {
            const monitor::SessionState &session = state->sessions[index];
            if (session.session != 0 && session.phase == monitor::Phase::kEnded) {
                exec_ended(container, session.session, session.end);
            }
        }
        return state.has_value();
    }
    const Result<monitor::Event> event = monitor::message_of<monitor::Event>(*frame);
    if (!event) {
        return false;
    }
    switch (event->kind) {
    case monitor::Event::Kind::kOom:
        this->event(*container, "oom");
        break;
    case monitor::Event::Kind::kDetached:
        if (event->session == 0) {
            this->event(*container, "detach");
        }
        break;
    case monitor::Event::Kind::kWarning:
        log::warning(event->text, {{"CONTAINER_ID", short_id(container->id)}});
        break;
    case monitor::Event::Kind::kEnded:
        if (event->session != 0) {
            exec_ended(container, event->session, event->end);
        }
        break; // of session 0 the record is read once its monitor has ended
    case monitor::Event::Kind::kStarted:
        if (event->session != 0) {
            exec_started(*container, event->session, static_cast<int>(event->pid));
        }
        break;
    }
    return true;
}

// Its monitor has ended: because the container has, or because somebody killed it.
void Engine::Core::after_monitor(const ContainerPtr &container) {
    const std::scoped_lock operation(container->operation);
    pid_t child = -1;
    int pid = 0;
    std::shared_ptr<Fd> process;
    {
        const std::scoped_lock lock(container->mutex);
        child = std::exchange(container->monitor_pid, -1);
        pid = container->data.state.pid;
        process = container->process;
        container->control.reset();
    }
    if (child > 0) {
        (void)waitpid(child, nullptr, 0); // ECHILD: of a daemon before us
        orphans.release(child);
    }
    if (!container->snapshot().state.running()) {
        return; // a start that failed has cleaned up itself
    }
    const fs::path file = paths(container->id).exit;
    if (const Result<std::string> text = read_file(file)) {
        Result<monitor::ExitRecord> record = monitor::parse_exit_record(*text, file);
        if (record) {
            if (!record->end.known) { // it was not that monitor's child, and we had told one that was killed as well
                const monitor::End ours = last_known_end(*container);
                record->end.known = ours.known;
                record->end.status = ours.status;
                record->end.signal = ours.signal;
            }
            after_exit(container, *record);
            return;
        }
        log::error(record.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        (void)::rename(file.c_str(), (file.string() + ".broken").c_str()); // the same disk may not let us
    }
    remove_consoles(paths(container->id).socket.parent_path(), child);
    // Killed. Whatever it was the parent of is our child now, unless we were killed, too.
    if (process == nullptr) { // before it could hand anything over
        if (const Result<FirstProcess> living = living_process(container->id)) {
            const std::scoped_lock lock(container->mutex);
            if (pid != living->pid) {
                orphans.claim(living->pid);
            }
            pid = container->data.state.pid = living->pid;
            process = living->process;
            keep(*container, monitor::Role::kProcess, living->process);
        }
    }
    const bool alive = is_process(pid, process);
    if (alive || may_be_unheard(*container)) {
        const Status adopted = adopt(container);
        if (adopted) {
            std::vector<std::shared_ptr<Exec>> running;
            {
                const std::scoped_lock lock(container->mutex);
                for (const auto &[id, exec] : container->execs) {
                    if (exec->running) {
                        running.push_back(exec);
                    }
                }
            }
            take_over_execs(container, running);
            collect_orphans();
            return;
        }
        log::error("new monitor: " + adopted.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        if (alive) {
            (void)signal(*container, SIGKILL); // nobody reads what it says any more
            (void)ends_within(*process, kPatience);
        }
    }
    after_exit(container, {.pid = static_cast<std::uint32_t>(std::max(pid, 0)),
                           .end = last_known_end(*container),
                           .oom_kills = 0,
                           .lost_log_bytes = 0});
    collect_orphans();
}

monitor::End Engine::Core::last_known_end(Container &container) {
    const std::scoped_lock lock(container.mutex);
    container.awaited_pid = 0;
    return container.own_end ? *container.own_end : end_of_child(container.data.state.pid);
}

void Engine::Core::await_process(const ContainerPtr &container) {
    int pid = 0;
    std::shared_ptr<Fd> process;
    {
        const std::scoped_lock lock(container->mutex);
        pid = container->data.state.pid;
        process = container->process;
        if (container->awaited_pid == pid) {
            return; // since a monitor before this one was killed
        }
        container->awaited_pid = pid;
    }
    timer.soon([this, container, pid, process] {
        while (process != nullptr && !timer.stopping() && !ends_within(*process, 1s)) {
        }
        std::shared_ptr<monitor::Connection> monitor;
        monitor::End end;
        {
            const std::scoped_lock lock(container->mutex);
            if (container->awaited_pid == pid) { // else after_monitor() was first
                end = end_of_child(pid);
                if (end.known) { // else it was the child of a daemon before us
                    container->own_end = end;
                    monitor = container->control;
                }
            }
        }
        collect_orphans();
        if (monitor != nullptr) {
            const std::scoped_lock lock(container->control_mutex);
            // A monitor that is gone as well is told about by its connection.
            (void)monitor->call<monitor::Done>(
                monitor::TellExit{.session = 0,
                                  .wait_status = end.signal != 0 ? end.signal : end.status << 8,
                                  .time_ns = end.time_ns},
                kPatience);
        }
    });
}

void Engine::Core::collect_orphans() {
    if (orphans.collect() == 0 || collecting.exchange(true)) {
        return;
    }
    // Seldom, and only while there are any: execs that run on, processes in the host's pid namespace.
    timer.after(kOrphanRound, [this] {
        collecting = false;
        collect_orphans();
    });
}

void Engine::Core::after_exit(const ContainerPtr &container, const monitor::ExitRecord &record) {
    tear_down(*container);
    bool restart = false, remove_it = false;
    std::chrono::milliseconds delay{};
    Nanoseconds ran{};
    int code = 0;
    {
        const std::scoped_lock lock(container->mutex);
        Snapshot &data = container->data;
        State &state = data.state;
        state.exit_code = code = record.end.known ? record.end.status : kLostStatus;
        state.error = record.end.known ? "" : "exit status lost";
        state.oom_killed = record.oom_kills > 0;
        state.pid = 0;
        const Time now = std::chrono::system_clock::now();
        state.finished_at = record.end.time_ns > 0 ? time_of(record.end.time_ns) : now;
        if (state.started_at != kNever) { // else it was killed before its start was recorded
            ran = std::max(state.finished_at - state.started_at, Nanoseconds(0));
        }
        container->health_ticket++;
        restart = !timer.stopping() && !container->stopping && !record.stopped &&
                  should_restart(data.host.restart_policy, {.code = code,
                                                            .manually_stopped = data.has_been_manually_stopped,
                                                            .restarts = data.restart_count});
        if (restart) {
            delay = container->backoff.next(ran);
            data.restart_count++;
        }
        remove_it = !restart && data.host.auto_remove && !container->spared;
        const Transition transition = restart ? Transition::kExitedToRestart : Transition::kExited;
        state.phase = next_phase(state.phase, transition).value_or(Phase::kExited);
        if (const Status saved = save(*container); !saved) {
            log::error(saved.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        }
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(ran).count();
    event(*container, "die", {{"exitCode", std::to_string(code)}, {"execDuration", std::to_string(seconds)}});
    {
        const std::scoped_lock lock(container->mutex);
        container->exits++;
        container->changed.notify_all();
    }
    if (restart) {
        schedule_restart(container, delay);
    }
    if (remove_it) {
        remove_soon(container);
    }
}

void Engine::Core::remove_soon(const ContainerPtr &container) {
    timer.soon([this, container] {
        const std::scoped_lock operation(container->operation);
        const Status removed = remove(container, {.force = false, .volumes = true, .link = false});
        if (!removed && removed.error().code != ENOENT) {
            log::error("remove: " + removed.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        }
    });
}

void Engine::Core::schedule_restart(const ContainerPtr &container, std::chrono::milliseconds delay, int tries) {
    std::uint64_t ticket = 0;
    {
        const std::scoped_lock lock(container->mutex);
        ticket = ++container->restart_ticket;
    }
    timer.after(delay, [this, container, ticket, tries] {
        const std::scoped_lock operation(container->operation);
        {
            const std::scoped_lock lock(container->mutex);
            if (container->restart_ticket != ticket || container->removed || timer.stopping() ||
                container->data.state.running()) {
                return;
            }
        }
        if (const Status started = start(container); !started) {
            if (started.error().code == EBUSY && tries > 0) { // it needs another one that does not run yet
                schedule_restart(container, std::chrono::seconds(1), tries - 1);
                return;
            }
            log::error("restart: " + started.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        }
    });
}

// One that a daemon before us asked for: ours are told by the answer, too.
void Engine::Core::exec_started(Container &container, std::uint32_t session, int pid) {
    const std::scoped_lock lock(container.mutex);
    for (const auto &[id, exec] : container.execs) {
        if (exec->session == session) {
            exec_runs(*exec, pid);
        }
    }
}

void Engine::Core::exec_ended(const ContainerPtr &container, std::uint32_t session, const monitor::End &end) {
    std::shared_ptr<Exec> ended;
    {
        const std::scoped_lock lock(container->mutex);
        for (const auto &[id, exec] : container->execs) {
            if (exec->session == session && exec->running) {
                exec->running = false;
                exec->exit_code = end.known ? end.status : kLostStatus;
                exec->ended = std::chrono::system_clock::now();
                orphans.release(exec->pid);
                ended = exec;
            }
        }
        container->changed.notify_all();
    }
    if (ended == nullptr) {
        return;
    }
    if (!ended->internal) {
        note_end(container->id, *ended);
        event(*container, "exec_die",
              {{"execID", ended->id}, {"exitCode", std::to_string(ended->exit_code.value_or(kLostStatus))}});
    }
    if (ended->internal) { // of others its monitor remembers the end, should we be killed before we are asked for it
        timer.soon([this, container, ended] { forget_exec(container, *ended); });
    }
}

} // namespace ballast::engine
