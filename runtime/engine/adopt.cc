// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <csignal>
#include <poll.h>
#include <sstream>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "base/json/json_cursor.h"
#include "base/log.h"
#include "base/subprocess.h"
#include "runtime/engine/container_files.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"
#include "runtime/engine/record.h"
#include "runtime/engine/scope.h"
#include "runtime/monitor/spawn.h"

// What the daemon finds when it starts: the containers of its last life, in whatever state it or their monitors were
// killed. The truth is asked from the kernel and from the monitors; the record says what was to be.
namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 10s;
constexpr auto kStartPoll = 20ms;
constexpr int kStartPolls = 1500;
constexpr std::uint64_t kLargestRecord = 8UL << 20;

void set_aside(const fs::path &file, const std::string &problem, Texts &warnings) {
    warnings.push_back(problem + "; set aside as " + file.filename().string() + ".broken");
    if (::rename(file.c_str(), (file.string() + ".broken").c_str()) != 0) {
        warnings.push_back(fail_errno("set aside " + file.string()).error().message);
    }
}

} // namespace

Result<Engine::Core::LivingProcess> Engine::Core::living_process(const std::string &id) const {
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
    return LivingProcess{.pid = pid, .process = std::move(process)};
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
    // A monitor that lived for long enough has handed these over: without them what it says is lost.
    if (session.process < 0 || session.log_state < 0) {
        return fail(ENOENT, "no descriptors of its first process are left");
    }
    std::vector<BorrowedFd> given;
    given.reserve(held.size());
    for (const auto &fd : held) {
        given.push_back(*fd);
    }
    (void)unlink(path.socket.c_str()); // of the one that is gone
    const Settings now = settings();
    monitor::Settings plan = TRY(monitor_settings(data));
    plan.adopted = {session};
    monitor::Spawned spawned;
    const pid_t child = TRY(orphans.start([&]() -> Result<pid_t> {
        spawned = TRY(monitor::spawn(now.program(now.monitor_program, "ballast-monitor"), plan, given));
        return spawned.pid;
    }));
    Result<monitor::Connection> control =
        monitor::Connection::over(std::move(spawned.control), monitor::Purpose::kControl, kPatience);
    Result<monitor::Connection> feed =
        control ? monitor::Connection::connect(path.socket, monitor::Purpose::kEvents, kPatience)
                : Result<monitor::Connection>(std::unexpected(control.error()));
    if (!feed) {
        (void)::kill(child, SIGKILL); // ours until it is waited for
        (void)waitpid(child, nullptr, 0);
        orphans.release(child);
        return std::unexpected(feed.error());
    }
    if (now.cgroups) {
        if (const Result<monitor::Done> joined = control->call<monitor::Done>(monitor::JoinCgroup{}, kPatience);
            !joined) {
            log::warning("new monitor: " + joined.error().message + ", ignoring"); // it is counted elsewhere
        }
    }
    {
        const std::scoped_lock lock(container->mutex);
        container->control = std::make_shared<monitor::Connection>(std::move(*control));
        container->monitor_pid = child;
        container->process = container->kept[monitor::Role::kProcess];
    }
    watch(container, std::move(*feed));
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
        if (state && !state->sessions.empty() &&
            (state->sessions.front().phase == monitor::Phase::kRunning ||
             state->sessions.front().phase == monitor::Phase::kEnded)) {
            const std::scoped_lock lock(container->mutex);
            State &own = container->data.state;
            if (!own.running()) { // we were killed between its start and the record of it
                own.started_at = std::chrono::system_clock::now();
            }
            own.phase = is_frozen(container->data) ? Phase::kPaused : Phase::kRunning;
            own.pid = static_cast<int>(state->sessions.front().pid);
            orphans.claim(own.pid);
            container->control = std::make_shared<monitor::Connection>(std::move(*control));
            recover_execs(*container, state->sessions);
            for (const MountPoint &mount : container->data.mounts) {
                if (mount.type == "volume" && volumes->use(mount.name)) {
                    container->used_volumes.insert(mount.name);
                }
            }
            if (const Status saved = save(*container); !saved) {
                log::error(saved.error().message, {{"CONTAINER_ID", short_id(container->id)}});
            }
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
    }
    if (!data.state.running() && access(path.run.c_str(), F_OK) != 0) {
        if (data.state.phase == Phase::kExited && data.host.auto_remove) {
            remove_soon(container); // we were killed before it was
        }
        return; // start_restarting() goes on with those that are to run
    }
    // No monitor. What systemd kept for us lets another take its place.
    end_making(*container, "run", container->id);
    const Result<LivingProcess> living = living_process(container->id);
    if (living) {
        const std::scoped_lock lock(container->mutex);
        container->data.state.pid = living->pid;
        orphans.claim(living->pid);
        container->process = living->process;
        container->kept[monitor::Role::kProcess] = living->process;
    }
    if (living || data.state.running()) { // one that has ended may have said something that nobody has read
        take_inherited(*container, inherited);
    }
    (void)recover_lost_execs(container); // after_monitor() takes them over
    if (!data.state.running()) {
        // Killed in the middle of a start. It may have run and ended since.
        if (const Result<std::string> text = read_file(path.exit)) {
            if (const Result<monitor::ExitRecord> record = monitor::parse_exit_record(*text, path.exit)) {
                {
                    const std::scoped_lock lock(container->mutex);
                    container->data.state.phase = Phase::kRunning;
                    container->data.state.started_at = std::chrono::system_clock::now();
                }
                after_exit(container, *record);
                return;
            }
        }
        (void)signal(*container, SIGKILL);            // ESRCH: there is nothing
        if (living || living.error().code == ESRCH) { // the runtime had made it, so its program may have run
            const monitor::End killed{.known = true, .status = 128 + SIGKILL, .signal = SIGKILL};
            const monitor::End lost{.known = false, .status = 255};
            after_exit(container, {.pid = 0, .end = living ? killed : lost, .oom_kills = 0, .lost_log_bytes = 0});
            return;
        }
        tear_down(*container);
        if (data.state.phase == Phase::kExited && data.host.auto_remove) {
            remove_soon(container);
        }
        return;
    }
    after_monitor(container);
}

// A container that was being created: the volumes that were made for it alone.
void Engine::Core::remove_volumes_of_creation(const fs::path &directory) {
    std::istringstream lines(read_file(directory / kNewVolumes, kLargestRecord).value_or(""));
    const std::set<std::string> used = volumes_in_use();
    for (std::string name; std::getline(lines, name);) {
        if (!used.contains(name)) {
            (void)volumes->remove(name); // ENOENT: it was not made yet
        }
    }
}

void Engine::Core::remove_leftovers() {
    const Settings now = settings();
    std::error_code error;
    // Directories of containers that were never recorded, or whose removal was interrupted at its last step.
    for (const fs::directory_entry &entry : fs::directory_iterator(now.data_root / "containers", error)) {
        const std::string id = entry.path().filename();
        const bool broken = fs::exists(entry.path() / "config.json.broken", error);
        if (is_id(id) && !broken && !containers.contains(id)) {
            remove_volumes_of_creation(entry.path());
            (void)remove_tree(entry.path()); // tried again at the next start
        }
    }
    for (const fs::directory_entry &entry : fs::directory_iterator(now.run_root / "containers", error)) {
        const std::string id = entry.path().filename();
        if (is_id(id) && !containers.contains(id)) {
            (void)oci({"delete", "--force", id}); // mostly there is none
            (void)umount2((entry.path() / "rootfs").c_str(), MNT_DETACH);
            (void)umount2((entry.path() / "shm").c_str(), MNT_DETACH);
            (void)remove_tree(entry.path()); // tried again at the next start
            if (const Result<ScopePlan> scope = plan_scope(id, now.cgroup_parent); scope && now.cgroups) {
                (void)stop_scope(now.program(now.scope_program, "ballast-oci-scope"), *scope); // mostly gone
            }
        }
    }
    // What the runtime still knows of a container that has neither: its `delete` was killed.
    for (const fs::directory_entry &entry : fs::directory_iterator(now.run_root / "oci", error)) {
        const std::string id = entry.path().filename();
        if (is_id(id) && !fs::exists(now.run_root / "containers" / id, error)) {
            (void)oci({"delete", "--force", id}); // tried again at the next start
        }
    }
    for (const fs::directory_entry &entry : fs::directory_iterator(now.run_root / "monitor", error)) {
        const std::string id = entry.path().stem();
        if (!containers.contains(id) || !containers.at(id)->snapshot().state.running()) {
            (void)unlink(entry.path().c_str());
        }
    }
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
