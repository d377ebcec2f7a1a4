// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/quote.h"
#include "runtime/engine/core.h"
#include "runtime/engine/names.h"

namespace ballast::engine {
namespace {

using namespace std::chrono_literals;

constexpr auto kAfterKill = 10s; // of a process that SIGKILL does not end at once: it is in the kernel

} // namespace

Status Engine::Core::signal(Container &container, int number) {
    std::shared_ptr<Fd> process;
    int pid = 0;
    {
        const std::scoped_lock lock(container.mutex);
        process = container.process;
        pid = container.data.state.pid;
    }
    if (process == nullptr) {
        if (pid <= 0) {
            return {}; // it has ended; with the monitor that started it, maybe, and that is about to be told
        }
        const Result<std::string> told = oci({"kill", container.id, std::to_string(number)});
        if (!told && ((::kill(pid, 0) != 0 && errno == ESRCH) || is_over(container.id))) {
            return {}; // meanwhile: the runtime has forgotten it, and what it had is being given back
        }
        TRY(told);
        return {};
    }
    if (syscall(SYS_pidfd_send_signal, process->get(), number, nullptr, 0) != 0 && errno != ESRCH) {
        return fail_errno("signal " + std::to_string(number));
    }
    return {}; // ESRCH: it ended meanwhile
}

bool Engine::Core::wait_until_ended(Container &container, std::optional<std::chrono::milliseconds> timeout) {
    std::unique_lock lock(container.mutex);
    const std::uint64_t exits = container.exits;
    const auto ended = [&] { return container.exits != exits || !container.data.state.running(); };
    if (!timeout) {
        container.changed.wait(lock, ended);
        return true;
    }
    return container.changed.wait_for(lock, *timeout, ended);
}

// Not under `operation`: what follows its end takes that.
Status Engine::Core::stop(const ContainerPtr &container, const std::string &signal_name, std::optional<int> timeout) {
    const Snapshot data = container->snapshot();
    const std::string wanted = !signal_name.empty()               ? signal_name
                               : !data.config.stop_signal.empty() ? data.config.stop_signal
                                                                  : "SIGTERM";
    const int number = TRY(signal_number(wanted));
    const int seconds = timeout.value_or(data.config.stop_timeout.value_or(settings().stop_timeout));
    event(*container, "kill", {{"signal", std::to_string(number)}});
    TRY(signal(*container, number));
    if (data.state.phase == Phase::kPaused) {
        (void)oci({"resume", container->id}); // a frozen process takes no signal but SIGKILL, which comes below
    }
    std::optional<std::chrono::milliseconds> patience;
    if (seconds >= 0) {
        patience = std::chrono::seconds(seconds);
    }
    if (wait_until_ended(*container, patience)) {
        return {};
    }
    event(*container, "kill", {{"signal", std::to_string(SIGKILL)}});
    TRY(signal(*container, SIGKILL));
    if (!wait_until_ended(*container, kAfterKill)) {
        return fail(EBUSY, "tried to kill container, but did not receive an exit event");
    }
    return {};
}

Result<bool> Engine::stop(const std::string &reference, const std::string &signal, std::optional<int> timeout_seconds) {
    const ContainerPtr container = TRY(core_->find(reference));
    {
        const std::scoped_lock operation(container->operation);
        const std::scoped_lock lock(container->mutex);
        State &state = container->data.state;
        if (state.phase == Phase::kRestarting) {
            state.phase = Phase::kExited;
            container->restart_ticket++;
            container->data.has_been_manually_stopped = true;
            container->exits++;
            container->changed.notify_all();
            TRY(core_->save(*container));
            return true;
        }
        if (!state.running()) {
            return false;
        }
        container->data.has_been_manually_stopped = true;
        container->stopping = true;
        TRY(core_->save(*container));
    }
    if (const Status stopped = core_->stop(container, signal, timeout_seconds); !stopped) {
        return fail(stopped.error().code, "cannot stop container: " + container->id + ": " + stopped.error().message);
    }
    core_->event(*container, "stop");
    return true;
}

Status Engine::restart(const std::string &reference, const std::string &signal, std::optional<int> timeout_seconds) {
    const ContainerPtr container = TRY(core_->find(reference));
    TRY(refuse_for_pods(container->snapshot(), "restart"));
    bool running = false;
    {
        const std::scoped_lock operation(container->operation);
        const std::scoped_lock lock(container->mutex);
        running = container->data.state.running();
        container->restart_ticket++;
        if (running) {
            container->stopping = true; // the policy does not start it, we do
        }
    }
    if (running) {
        {
            const std::scoped_lock lock(container->mutex);
            container->spared = true; // with --rm it would be gone before it could start again
        }
        const Status stopped = core_->stop(container, signal, timeout_seconds);
        if (stopped) {
            core_->event(*container, "stop");
        }
        {
            const std::scoped_lock lock(container->mutex);
            container->spared = false;
        }
        if (!stopped) {
            return fail(stopped.error().code,
                        "Cannot restart container " + container->id + ": " + stopped.error().message);
        }
    }
    const std::scoped_lock operation(container->operation);
    const Phase phase = container->phase();
    if (phase != Phase::kRunning) {
        TRY(may_start(container->id, phase));
        TRY(core_->start(container));
    }
    core_->event(*container, "restart");
    return {};
}

Status Engine::kill(const std::string &reference, const std::string &signal) {
    const ContainerPtr container = TRY(core_->find(reference));
    const int number = TRY(signal_number(signal.empty() ? "SIGKILL" : signal));
    const std::string stop_signal = container->snapshot().config.stop_signal;
    {
        const std::scoped_lock lock(container->mutex);
        if (!container->data.state.running()) {
            return fail(EBUSY, "Cannot kill container: " + escaped(reference.substr(0, 256)) + ": container " +
                                   container->id + " is not running");
        }
        // Asked for by the user: the restart policy does not undo it.
        if (number == SIGKILL || number == SIGTERM ||
            number == signal_number(stop_signal.empty() ? "SIGTERM" : stop_signal).value_or(SIGTERM)) {
            container->data.has_been_manually_stopped = true;
        }
    }
    TRY(core_->signal(*container, number));
    core_->event(*container, "kill", {{"signal", std::to_string(number)}});
    if (number == SIGKILL && !core_->wait_until_ended(*container, kAfterKill)) {
        log::warning("it has not ended yet", {{"CONTAINER_ID", short_id(container->id)}});
    }
    return {};
}

Status Engine::pause(const std::string &reference) {
    const ContainerPtr container = TRY(core_->find(reference));
    const std::scoped_lock operation(container->operation);
    TRY(may_pause(container->id, container->phase()));
    TRY(core_->oci({"pause", container->id}).within("Cannot pause container " + container->id));
    {
        const std::scoped_lock lock(container->mutex);
        State &state = container->data.state;
        state.phase = next_phase(state.phase, Transition::kPaused).value_or(state.phase);
        TRY(core_->save(*container));
    }
    core_->event(*container, "pause");
    return {};
}

Status Engine::unpause(const std::string &reference) {
    const ContainerPtr container = TRY(core_->find(reference));
    const std::scoped_lock operation(container->operation);
    TRY(may_unpause(container->id, container->phase()));
    TRY(core_->oci({"resume", container->id}).within("Cannot unpause container " + container->id));
    {
        const std::scoped_lock lock(container->mutex);
        State &state = container->data.state;
        state.phase = next_phase(state.phase, Transition::kUnpaused).value_or(state.phase);
        TRY(core_->save(*container));
    }
    core_->event(*container, "unpause");
    return {};
}

} // namespace ballast::engine
