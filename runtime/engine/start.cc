// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "runtime/engine/consoles.h"
#include "runtime/engine/core.h"
#include "runtime/engine/health.h"
#include "runtime/engine/names.h"
#include "runtime/engine/preparation.h"
#include "runtime/engine/process_end.h"
#include "runtime/engine/start_failure.h"
#include "runtime/monitor/spawn.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatience = 30s; // of a monitor's answer

class Starter {
  public:
    Starter(Engine::Core &core, const ContainerPtr &container)
        : core_(core), container_(container), preparation_(core, container) {}

    Status prepare() {
        if (unlink(path_.exit.c_str()) != 0 && errno != ENOENT) {
            return fail_errno("remove " + path_.exit.string());
        }
        return preparation_.prepare();
    }

    Status launch() {
        const monitor::Settings monitor_settings = TRY(core_.monitor_settings(data_));
        monitor::Spawned spawned;
        monitor_ = TRY(core_.orphans.start([&]() -> Result<pid_t> {
            spawned =
                TRY(monitor::spawn(settings_.program(settings_.monitor_program, "ballast-monitor"), monitor_settings));
            return spawned.pid;
        }));
        auto control = std::make_shared<monitor::Connection>(
            TRY(monitor::Connection::over(std::move(spawned.control), monitor::Purpose::kControl, kPatience)));
        if (settings_.cgroups) {
            TRY(start_scope(settings_.program(settings_.scope_program, "ballast-oci-scope"), preparation_.scope(),
                            {.description = "Ballast container " + data_.name,
                             .first = spawned.pid,
                             .stop_seconds = monitor_settings.stop_seconds}));
            TRY(control->call<monitor::Done>(monitor::JoinCgroup{}, kPatience));
        }
        events_.emplace(TRY(monitor::Connection::connect(path_.socket, monitor::Purpose::kEvents, kPatience)));
        connect_waiting();
        TRY(preparation_.wait_for_network());
        // Before its program is there: from here on what that says depends on no single process.
        TRY(core_.take_descriptors(*container_, *control));
        if (const Result<monitor::Started> started = run(*control)) {
            pid_ = static_cast<int>(started->pid);
        } else if (!survives(started.error(), spawned.pidfd)) {
            failure_ = describe_failure(data_, started.error().message);
            return fail(failure_->code == kNotStarted ? EIO : EINVAL, failure_->message);
        }
        const std::scoped_lock lock(container_->mutex);
        container_->control = std::move(control);
        return {};
    }

    // Nothing of the attempt stays.
    void undo(const Error &error) {
        std::vector<std::shared_ptr<Attachment::Shared>> waiting;
        {
            const std::scoped_lock lock(container_->mutex);
            waiting.swap(container_->waiting);
        }
        for (const auto &one : waiting) {
            one->finish(fail(error.code, error.message));
        }
        preparation_.end_network();
        if (monitor_ > 0) {
            (void)::kill(monitor_, SIGKILL); // ours until it is waited for
            (void)waitpid(monitor_, nullptr, 0);
            core_.orphans.release(monitor_);
            remove_consoles(path_.socket.parent_path(), monitor_);
            core_.end_starting(*container_);
        }
        core_.tear_down(*container_);
        if (settings_.cgroups && !preparation_.scope().unit.empty()) {
            (void)stop_scope(settings_.program(settings_.scope_program, "ballast-oci-scope"),
                             preparation_.scope()); // mostly gone
        }
        if (monitor_ > 0) {
            core_.collect_orphans(); // what it was the parent of
        }
    }

    Snapshot &data() { return data_; }
    int pid() const { return pid_; }
    int exit_code() const { return failure_ ? failure_->code : kNotStarted; }
    pid_t monitor() const { return monitor_; }
    monitor::Connection take_events() { return std::move(*events_); }

  private:
    Result<monitor::Started> run(monitor::Connection &control) {
        if (!data_.config.tty) {
            return control.call<monitor::Started>(monitor::Run{}, kPatience);
        }
        const monitor::Started created = TRY(control.call<monitor::Started>(monitor::Create{}, kPatience));
        TRY(core_.take_descriptors(*container_, control)); // the terminal is there now, and its program waits
        TRY(control.call<monitor::Done>(monitor::Start{}, kPatience));
        return created;
    }

    // The monitor was killed before it could answer, and its container is there nevertheless: after_monitor() will
    // give it another.
    bool survives(const Error &error, BorrowedFd monitor) {
        if (error.code != EPIPE || !ends_within(monitor, kPatience)) {
            return false;
        }
        const std::optional<Engine::Core::FirstProcess> first = core_.find_started(*container_);
        if (first && first->process != nullptr) {
            const std::scoped_lock lock(container_->mutex);
            core_.keep(*container_, monitor::Role::kProcess, first->process);
        }
        pid_ = first ? first->pid : 0;
        return first.has_value();
    }

    void connect_waiting() {
        std::vector<std::shared_ptr<Attachment::Shared>> waiting;
        {
            const std::scoped_lock lock(container_->mutex);
            waiting.swap(container_->waiting);
        }
        for (const auto &one : waiting) {
            one->finish(connect_attachment(path_.socket, one->request, data_.config));
        }
    }

    Engine::Core &core_;
    const ContainerPtr &container_;
    Preparation preparation_;
    Snapshot &data_ = preparation_.data();
    const Paths &path_ = preparation_.paths();
    const Settings &settings_ = preparation_.settings();
    std::optional<monitor::Connection> events_;
    std::optional<FailedProgram> failure_;
    pid_t monitor_ = -1;
    int pid_ = 0;
};

} // namespace

Status Engine::Core::start(const ContainerPtr &container) {
    Starter starter(*this, container);
    Status done = starter.prepare();
    if (done) {
        done = starter.launch();
    }
    if (!done) {
        starter.undo(done.error());
        const std::scoped_lock lock(container->mutex);
        State &state = container->data.state;
        state.phase = next_phase(state.phase, Transition::kStartFailed).value_or(state.phase);
        state.error = done.error().message;
        state.exit_code = starter.exit_code();
        state.finished_at = std::chrono::system_clock::now();
        container->exits++;
        container->changed.notify_all();
        (void)save(*container); // the error that matters is the first one
        if (container->data.host.auto_remove) {
            remove_soon(container);
        }
        return done;
    }
    {
        const std::scoped_lock lock(container->mutex);
        Snapshot &data = container->data;
        data.state.phase = next_phase(data.state.phase, Transition::kStarted).value_or(Phase::kRunning);
        data.state.pid = starter.pid();
        orphans.claim(data.state.pid); // ours to wait for, should its monitor be killed
        data.state.exit_code = 0;
        data.state.oom_killed = false;
        data.state.error.clear();
        data.state.started_at = std::chrono::system_clock::now();
        data.state.health.reset();
        if (plan_health(data.config)) {
            data.state.health = Health{.status = "starting", .failing_streak = 0, .log = {}};
        }
        data.hosts_path = starter.data().hosts_path;
        data.hostname_path = starter.data().hostname_path;
        data.resolv_conf_path = starter.data().resolv_conf_path;
        data.mounts = starter.data().mounts;
        data.pod.addresses = starter.data().pod.addresses;
        data.pod.user = starter.data().pod.user;
        data.ids = starter.data().ids;
        container->monitor_pid = starter.monitor();
        container->stopping = false;
        container->spared = false;
        container->restart_ticket++;
        container->changed.notify_all();
        if (const Status saved = save(*container); !saved) {
            log::error(saved.error().message, {{"CONTAINER_ID", short_id(container->id)}});
        }
    }
    if (const Status taken = take_descriptors(*container); !taken) {
        // It has ended already, as short programs do; or its monitor has, and its end is told below.
        log::debug("descriptors: " + taken.error().message, {{"CONTAINER_ID", short_id(container->id)}});
    }
    if (const std::optional<network::Sandbox> sandbox = networks->sandbox(container->id)) {
        network_events(starter.data(), *sandbox, "connect");
    }
    event(*container, "start");
    start_health(container);
    watch(container, starter.take_events());
    return {};
}

Result<bool> Engine::start(const std::string &reference) {
    const ContainerPtr container = TRY(core_->find(reference));
    const std::scoped_lock operation(container->operation);
    const Phase phase = container->phase();
    if (phase == Phase::kRunning) {
        return false;
    }
    TRY(refuse_for_pods(container->snapshot(), "start"));
    TRY(may_start(container->id, phase));
    {
        const std::scoped_lock lock(container->mutex);
        container->data.has_been_manually_stopped = false;
        container->data.restart_count = 0;
        container->backoff = {};
    }
    TRY(core_->start(container));
    return true;
}

} // namespace ballast::engine
