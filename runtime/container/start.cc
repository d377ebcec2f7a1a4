// SPDX-License-Identifier: Apache-2.0
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

// What is left to wait for, with nothing locked: a program that is never ready can be killed.
Result<NotifySocket> start_program(const Settings &settings, const std::string &id, Fd &first_process) {
    const ContainerDir directory = TRY(ContainerDir::open(settings.root, id));
    const State state = TRY(directory.load());
    const Phase phase = TRY(phase_of(state, directory, &first_process));
    if (phase != Phase::kCreated) {
        return fail(EINVAL, "cannot start container " + quote(id) + ": it is " + phase_name(phase) + ", not created");
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
    const Fd socket = TRY(connect_to_start(directory));
    TRY(continue_process(socket));
    const Conversation conversation{
        .describe = [&directory](const isolate::Outcome &outcome) { return late_error(directory, outcome); },
        .mounted = {},
        .terminal = {},
        .listener = [&](Fd listener) { return pass_listener(directory, state, listener); },
    };
    (void)TRY(converse(socket, conversation)); // until its end: the program runs
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
