// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/quote.h"
#include "runtime/container/conversation.h"
#include "runtime/container/hooks.h"
#include "runtime/container/identity.h"
#include "runtime/container/lifecycle.h"
#include "runtime/container/notify_socket.h"
#include "runtime/container/outcome_text.h"
#include "runtime/container/saved_spec.h"
#include "runtime/container/start_socket.h"
#include "runtime/isolate/seccomp.h"

namespace ballast::container {
namespace {

// The plans are gone with `create`; what can still fail concerns the program and its filter.
Error late_error(const ContainerDir &directory, const isolate::Outcome &outcome) {
    const isolate::NamespacePlan namespaces;
    isolate::ProcessPlan process;
    if (const Result<oci::Spec> spec = load_spec(directory); spec.has_value() && spec->process) {
        process.args = isolate::Words(spec->process->args);
    }
    return outcome_error(outcome, namespaces, process, nullptr);
}

Status pass_listener(const ContainerDir &directory, const State &state, BorrowedFd listener) {
    const oci::Spec spec = TRY(load_spec(directory));
    if (!spec.linux_.seccomp) {
        return fail(EPROTO, "a seccomp listener without linux.seccomp");
    }
    return isolate::send_seccomp_listener(
        listener, spec.linux_.seccomp->listener_path,
        seccomp_process_state(state, Phase::kCreated, state.pid, spec.linux_.seccomp->listener_metadata));
}

Error not_created(const std::string &id, Phase phase) {
    return {EINVAL, "cannot start container " + quote(id) + ": it is " + phase_name(phase) + ", not created"};
}

// Has the waiting process run the program, and hears what became of it.
Status let_go_on(const ContainerDir &directory, const Conversation &conversation) {
    const Fd socket = TRY(connect_to_start(directory));
    TRY(continue_process(socket));
    (void)TRY(converse(socket, conversation)); // until its end: the program runs
    return {};
}

// The process turns nobody away but those who come after another `start`: then it does not wait any more, and soon its
// lock says so, too.
Error explained(Error error, const std::string &id, const State &state, const ContainerDir &directory) {
    const bool turned_away = error.code == ECONNRESET || error.code == ECONNREFUSED || error.code == EPIPE;
    const Fd lock(openat(directory.fd().get(), "init.lock", O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    if (!turned_away || !lock.is_open() || flock(lock.get(), LOCK_SH) != 0) {
        return error;
    }
    const Result<Phase> phase = phase_of(state, directory);
    return phase && *phase != Phase::kCreated ? not_created(id, *phase) : error;
}

// What is left to wait for, with nothing locked: a program that is never ready can be killed.
Result<NotifySocket> start_program(const Settings &settings, const std::string &id, Fd &first_process) {
    const ContainerDir directory = TRY(ContainerDir::open(settings.root, id));
    const State state = TRY(directory.load());
    const Phase phase = TRY(phase_of(state, directory, &first_process));
    if (phase != Phase::kCreated) {
        return std::unexpected(not_created(id, phase));
    }
    if (!state.has_process) {
        return fail(EINVAL, "cannot start container " + quote(id) + ": " + std::string(kNoProcess));
    }
    if (!state.hooks.empty()) {
        go_to_bundle(state);
    }
    if (has_hooks(state, "startContainer")) {
        const oci::Spec spec = TRY(load_spec(directory));
        TRY(run_hooks_inside("startContainer", spec.hooks.start_container, oci_state(state, phase, state.pid),
                             first_process));
    }
    NotifySocket notify = TRY(NotifySocket::listen(directory, state));
    const Conversation conversation{
        .describe = [&directory](const isolate::Outcome &outcome) { return late_error(directory, outcome); },
        .mounted = {},
        .terminal = {},
        .listener = [&](Fd listener) { return pass_listener(directory, state, listener); },
    };
    if (Status gone_on = let_go_on(directory, conversation); !gone_on) {
        return std::unexpected(explained(std::move(gone_on.error()), id, state, directory));
    }
    if (has_hooks(state, "poststart")) {
        const oci::Spec spec = TRY(load_spec(directory));
        TRY(run_hooks("poststart", spec.hooks.poststart, oci_state(state, Phase::kRunning, state.pid)));
    }
    return notify;
}

} // namespace

Status start(const Settings &settings, const std::string &id) {
    Fd first_process;
    NotifySocket notify = TRY(start_program(settings, id, first_process));
    return notify.wait(first_process);
}

} // namespace ballast::container
