// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sstream>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "runtime/engine/consoles.h"
#include "runtime/engine/container_files.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"
#include "runtime/engine/process_end.h"
#include "runtime/engine/record.h"
#include "runtime/monitor/spawn.h"

// What the daemon finds when it starts: the containers of its last life, in whatever state it or their monitors were
// killed. The truth is asked from the kernel and from the monitors; the record says what was to be.
namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;
constexpr int kSuccessors = 5; // that are tried: they may be killed like the monitor before them
constexpr auto kStartPoll = 20ms;
constexpr int kStartPolls = 1500;
constexpr std::uint64_t kLargestRecord = 8UL << 20;
constexpr std::uint64_t kLargestPid = 64;

void set_aside(const fs::path &file, const std::string &problem, Texts &warnings) {
    warnings.push_back(problem + "; set aside as " + file.filename().string() + ".broken");
    if (::rename(file.c_str(), (file.string() + ".broken").c_str()) != 0) {
        warnings.push_back(fail_errno("set aside " + file.string()).error().message);
    }
}

// That the runtime has written; 0: none.
int noted_pid(const fs::path &file) {
    std::istringstream text(read_file(file, kLargestPid).value_or(""));
    int pid = 0;
    text >> pid;
    return std::max(pid, 0);
}

// One that we cannot reach: its daemon was killed before it listened. Two would read the same pipes.
void end_unreachable_monitors(const std::string &id) {
    if (const Status ended = end_runtime_calls("ballast-monitor", "--container", id); !ended) {
        log::warning(ended.error().message + ", ignoring", {{"CONTAINER_ID", short_id(id)}});
    }
}

// One that serves nothing, and that nobody will ask for anything.
void end_monitor(monitor::Connection &control) {
    const Fd process(static_cast<int>(syscall(SYS_pidfd_open, control.monitor_pid(), 0)));
    // It answers, so the number is still its own.
    if (process.is_open() && control.call<monitor::State>(monitor::GetState{}, kPatience)) {
        (void)syscall(SYS_pidfd_send_signal, process.get(), SIGKILL, nullptr, 0); // ESRCH: it has ended
        (void)ends_within(process, kPatience);
    }
}

struct Successor {
    pid_t pid = -1; // a child of ours, which `orphans` knows of
    monitor::Connection control, events;
};

// A monitor that goes on with what it is given.
Result<Successor> start_successor(Orphans &orphans, const fs::path &program, const monitor::Settings &plan,
                                  const std::vector<BorrowedFd> &given) {
    monitor::Spawned spawned;
    const pid_t child = TRY(orphans.start([&]() -> Result<pid_t> {
        spawned = TRY(monitor::spawn(program, plan, given));
        return spawned.pid;
    }));
    Result<monitor::Connection> control =
        monitor::Connection::over(std::move(spawned.control), monitor::Purpose::kControl, kPatience);
    Result<monitor::Connection> events =
        control ? monitor::Connection::connect(plan.socket, monitor::Purpose::kEvents, kPatience)
                : Result<monitor::Connection>(std::unexpected(control.error()));
    if (!events) {
        (void)::kill(child, SIGKILL); // ours until it is waited for
        (void)waitpid(child, nullptr, 0);
        orphans.release(child);
        return std::unexpected(events.error());
    }
    return Successor{.pid = child, .control = std::move(*control), .events = std::move(*events)};
}

} // namespace

Result<Engine::Core::FirstProcess> Engine::Core::living_process(const std::string &id) const {
    const std::string text = TRY(oci({"state", id}));
    JsonDocument document = TRY(JsonDocument::parse(text, "state of " + short_id(id)));
    const JsonCursor root(document);
    const int pid = root.need("pid").number<int>(0);
    const std::string status = root.need("status").text();
    TRY(document.status());
    if (pid == 0 || status == "stopped") {
        return fail(ESRCH, "container " + short_id(id) + " has ended");
    }
    auto process = std::make_shared<Fd>(static_cast<int>(syscall(SYS_pidfd_open, pid, 0)));
    if (!process->is_open()) {
        return fail_errno("open process " + std::to_string(pid));
    }
    // The number could have become another process's before it was opened; now it cannot any more.
    if (TRY(oci({"state", id})) != text) {
        return fail(ESRCH, "container " + short_id(id) + " has ended");
    }
    return FirstProcess{.pid = pid, .process = std::move(process), .waits = status == "created"};
}

bool Engine::Core::is_over(const std::string &id) const {
    const Result<FirstProcess> living = living_process(id);
    return !living && living.error().code == ESRCH;
}

std::optional<Engine::Core::FirstProcess> Engine::Core::find_started(Container &container) {
    end_starting(container);
    const Result<FirstProcess> living = living_process(container.id);
    if (living) {
        return living->waits ? std::nullopt : std::optional(*living);
    }
    const std::scoped_lock lock(container.mutex);
    // A program with a terminal is started once we have that.
    const bool waited = container.data.config.tty && !container.kept.contains(monitor::Role::kOutput);
    if (living.error().code != ESRCH || waited) {
        return std::nullopt; // or the runtime has not heard of it
    }
    return FirstProcess{.pid = noted_pid(paths(container.id).run / "pid")};
}

void Engine::Core::found_running(Container &container, const FirstProcess &first) {
    State &own = container.data.state;
    if (!own.running()) { // we were killed between its start and the record of it
        own.started_at = std::chrono::system_clock::now();
    }
    own.phase = is_frozen(container.data) ? Phase::kPaused : Phase::kRunning;
    own.pid = first.pid;
    orphans.claim(own.pid);
    container.process = first.process;
    if (first.process != nullptr && !container.kept.contains(monitor::Role::kProcess)) {
        keep(container, monitor::Role::kProcess, first.process);
    }
    for (const MountPoint &mount : container.data.mounts) {
        if (mount.type == "volume" && volumes->use(mount.name)) {
            container.used_volumes.insert(mount.name);
        }
    }
    if (const Status saved = save(container); !saved) {
        log::error(saved.error().message, {{"CONTAINER_ID", short_id(container.id)}});
    }
}

Status Engine::Core::adopt(const ContainerPtr &container) {
    const Paths path = paths(container->id);
    const Snapshot data = container->snapshot();
    monitor::AdoptedSession session{.session = 0,
                                    .name = {},
                                    .terminal = data.config.tty,
                                    .input_once = data.config.stdin_once,
                                    .pid = static_cast<std::uint32_t>(data.state.pid)};
    std::vector<std::shared_ptr<Fd>> held;
    {
        const std::scoped_lock lock(container->mutex);
        const auto place = [&](monitor::Role role) {
            const auto found = container->kept.find(role);
            if (found == container->kept.end()) {
                return -1;
            }
            held.push_back(found->second);
            return static_cast<int>(held.size()) - 1;
        };
        session.input = place(monitor::Role::kInput);
        session.output = place(monitor::Role::kOutput);
        session.errors = place(monitor::Role::kErrors);
        session.process = place(monitor::Role::kProcess);
        session.log_state = place(monitor::Role::kLogState);
    }
    if (session.log_state < 0) {
        return fail(ENOENT, "no descriptors of its output are left");
    }
    std::vector<BorrowedFd> given;
    given.reserve(held.size());
    for (const auto &fd : held) {
        given.push_back(*fd);
    }
    const Settings now = settings();
    monitor::Settings plan = TRY(monitor_settings(data));
    plan.adopted = {session};
    Result<Successor> successor = fail(EAGAIN, "start a monitor");
    for (int tries = 0; tries < kSuccessors && !successor; tries++) {
        end_unreachable_monitors(container->id);
        (void)unlink(path.socket.c_str()); // of the one that is gone
        successor = start_successor(orphans, now.program(now.monitor_program, "ballast-monitor"), plan, given);
        if (!successor) {
            log::warning("new monitor: " + successor.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        }
    }
    if (!successor) {
        return std::unexpected(successor.error());
    }
    if (now.cgroups) {
        const auto joined = successor->control.call<monitor::Done>(monitor::JoinCgroup{}, kPatience);
        if (!joined) {
            log::warning("new monitor: " + joined.error().message + ", ignoring"); // it is counted elsewhere
        }
    }
    {
        const std::scoped_lock lock(container->mutex);
        container->control = std::make_shared<monitor::Connection>(std::move(successor->control));
        container->monitor_pid = successor->pid;
        if (const auto process = container->kept.find(monitor::Role::kProcess); process != container->kept.end()) {
            container->process = process->second; // else it has ended
        }
    }
    watch(container, std::move(successor->events));
    log::notice("its monitor was gone; a new one has taken its place", {{"CONTAINER_ID", short_id(container->id)}});
    await_process(container); // it is our child now and not its new monitor's
    return {};
}

// The record may be older than what was done to it.
bool Engine::Core::is_frozen(const Snapshot &container) const {
    const Result<fs::path> cgroup = settings().cgroups ? cgroup_of(container) : fail(ENOENT, "no cgroup");
    return cgroup && read_file(*cgroup / "cgroup.freeze", 16).value_or("") == "1\n";
}

// What systemd kept for us of its monitor.
void Engine::Core::take_inherited(Container &container, std::map<std::string, Fd> &inherited) {
    const std::scoped_lock lock(container.mutex);
    for (int role = 0; role <= static_cast<int>(last_of(monitor::Role{})); role++) {
        if (const auto kept = inherited.find(container.id + "-" + std::to_string(role)); kept != inherited.end()) {
            container.kept[static_cast<monitor::Role>(role)] = std::make_shared<Fd>(std::move(kept->second));
        }
    }
    // systemd keeps a file once, however many names it is given: a terminal is both.
    if (const auto terminal = container.kept.find(monitor::Role::kInput);
        container.data.config.tty && terminal != container.kept.end()) {
        container.kept.try_emplace(monitor::Role::kOutput, terminal->second);
    }
}

// Of a container whose program waits for its start.
Status Engine::Core::finish_start(Container &container, monitor::Connection &control) {
    TRY(take_descriptors(container, control));
    TRY(control.call<monitor::Done>(monitor::Start{}, kPatience));
    return {};
}

void Engine::Core::recover_one(const ContainerPtr &container, std::map<std::string, Fd> &inherited) {
    const Paths path = paths(container->id);
    const Snapshot data = container->snapshot();
    if (data.state.phase == Phase::kRemoving || data.state.phase == Phase::kDead) {
        const bool with_volumes = data.removes_volumes || data.host.auto_remove;
        if (const Status removed = remove(container, {.force = false, .volumes = with_volumes, .link = false});
            !removed) {
            log::warning(removed.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        }
        return;
    }
    // Its monitor first: it lives on when only we were killed.
    auto feed = monitor::Connection::connect(path.socket, monitor::Purpose::kEvents, kPatience);
    auto control = feed ? monitor::Connection::connect(path.socket, monitor::Purpose::kControl, kPatience)
                        : Result<monitor::Connection>(std::unexpected(feed.error()));
    if (control) {
        Result<monitor::State> state = control->call<monitor::State>(monitor::GetState{}, kPatience);
        // We were killed while it starts: how that ends decides.
        for (int wait = 0; wait < kStartPolls && state && !state->sessions.empty() &&
                           state->sessions.front().phase == monitor::Phase::kStarting;
             wait++) {
            std::this_thread::sleep_for(kStartPoll);
            state = control->call<monitor::State>(monitor::GetState{}, kPatience);
        }
        if (state && !state->sessions.empty() && state->sessions.front().phase == monitor::Phase::kCreated) {
            // What was killed with us is the second step of its start.
            const Status finished = finish_start(*container, *control);
            state = finished ? control->call<monitor::State>(monitor::GetState{}, kPatience)
                             : Result<monitor::State>(std::unexpected(finished.error()));
        }
        if (state && !state->sessions.empty() &&
            (state->sessions.front().phase == monitor::Phase::kRunning ||
             state->sessions.front().phase == monitor::Phase::kEnded)) {
            const std::scoped_lock lock(container->mutex);
            found_running(*container, {.pid = static_cast<int>(state->sessions.front().pid)});
            container->control = std::make_shared<monitor::Connection>(std::move(*control));
            recover_execs(*container, state->sessions);
        }
        bool running = false;
        {
            const std::scoped_lock lock(container->mutex);
            running = container->control != nullptr;
        }
        if (running) {
            if (!take_descriptors(*container)) { // it may have ended: its monitor tells; or its monitor has since
                take_inherited(*container, inherited);
            }
            watch(container, std::move(*feed));
            take_over_execs(container, recover_lost_execs(container));
            start_health(container);
            return;
        }
        end_monitor(*control);
    }
    if (!data.state.running() && access(path.run.c_str(), F_OK) != 0) {
        (void)unlink(path.socket.c_str()); // nobody listens there
        if (data.state.phase == Phase::kExited && data.host.auto_remove) {
            remove_soon(container); // we were killed before it was
        }
        return; // start_restarting() goes on with those that are to run
    }
    // No monitor. What systemd kept for us lets another take its place.
    end_unreachable_monitors(container->id);
    take_inherited(*container, inherited); // also of one that has ended: something that it said may be unheard
    const std::optional<FirstProcess> first = find_started(*container);
    if (!first && !data.state.running()) { // killed in the middle of a start
        tear_down(*container);
        stop_scope_of(data);
        if (data.state.phase == Phase::kExited && data.host.auto_remove) {
            remove_soon(container);
        }
        return;
    }
    if (first) {
        const std::scoped_lock lock(container->mutex);
        found_running(*container, *first);
    }
    (void)recover_lost_execs(container); // after_monitor() takes them over
    after_monitor(container);
    start_health(container);
}

Status Engine::Core::recover(std::map<std::string, Fd> inherited, Texts &found) {
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(settings().data_root / "containers", error)) {
        const std::string id = entry.path().filename();
        const fs::path file = entry.path() / "config.json";
        const Result<std::string> text = read_file(file, kLargestRecord);
        if (!is_id(id) || (!text && text.error().code == ENOENT)) {
            continue; // see remove_leftovers()
        }
        Result<Snapshot> record = text ? parse_record(*text, file) : Result<Snapshot>(std::unexpected(text.error()));
        if (record && record->id != id) {
            record = fail(EINVAL, file.string() + ": is the record of another container");
        }
        if (!record) {
            set_aside(file, record.error().message, found);
            continue;
        }
        auto container = std::make_shared<Container>(std::move(*record));
        container->data.hosts_path = entry.path() / "hosts";
        container->data.hostname_path = entry.path() / "hostname";
        container->data.resolv_conf_path = entry.path() / "resolv.conf";
        if (!names.emplace(container->data.name, id).second) { // a rename that was cut short
            container->data.name = short_id(id);
            names.emplace(container->data.name, id);
        }
        containers.emplace(id, std::move(container));
    }
    for (const ContainerPtr &container : all()) {
        const std::optional<std::string> other = joined_container(container->data.host.network_mode);
        if (const Result<ContainerPtr> joined = other ? find(*other) : fail(ENOENT, "it has its own network")) {
            share_container_files(container->data, (*joined)->data); // nobody else knows of them yet
        }
    }
    remove_leftovers();
    for (const ContainerPtr &container : all()) {
        bool removing = false;
        {
            const std::scoped_lock lock(container->mutex);
            removing = container->data.state.phase == Phase::kRemoving;
        }
        if (!removing) {
            recover_one(container, inherited);
            continue;
        }
        const std::scoped_lock operation(container->operation);
        recover_one(container, inherited);
    }
    remove_unused_consoles(settings().run_root / "monitor");
    stop_leftover_scopes();
    // Of containers that have ended, or that are not known any more.
    const Settings now = settings();
    for (const auto &[name, fd] : inherited) {
        const Result<ContainerPtr> container = find(name.substr(0, name.find('-')));
        if (now.forget_descriptor && (!container || !(*container)->snapshot().state.running())) {
            now.forget_descriptor(name);
        }
    }
    return {};
}

} // namespace ballast::engine
