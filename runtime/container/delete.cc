// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/delete.h"

#include <csignal>
#include <ctime>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/quote.h"
#include "runtime/container/hooks.h"
#include "runtime/container/root_mount.h"
#include "runtime/container/saved_spec.h"
#include "runtime/isolate/intel_rdt.h"

namespace ballast::container {
namespace {

constexpr int kDeathLimit = 10'000; // milliseconds; a process that the kernel cannot end in that time hangs in a driver

Status end_first_process(BorrowedFd pidfd, const std::string &id) {
    if (syscall(SYS_pidfd_send_signal, pidfd.get(), SIGKILL, nullptr, 0) != 0 && errno != ESRCH) {
        return fail_errno("kill container " + quote(id));
    }
    pollfd watched{pidfd.get(), POLLIN, 0};
    int ready = 0;
    do {
        ready = poll(&watched, 1, kDeathLimit);
    } while (ready < 0 && errno == EINTR);
    if (ready == 0) {
        return fail(ETIMEDOUT, "the first process of container " + quote(id) + " does not end; it hangs in the kernel");
    }
    return {};
}

// Of a container whose making was cut short: its own process died with the runtime, so whoever is still in the cgroup
// after a moment was there before, and the path is somebody else's.
bool is_ours(const isolate::Cgroup &cgroup) {
    constexpr int kRounds = 50;
    constexpr timespec kMoment{.tv_sec = 0, .tv_nsec = 10'000'000};
    for (int round = 0; round < kRounds; ++round) {
        if (cgroup.processes().value_or(std::vector<pid_t>()).empty()) {
            return true;
        }
        nanosleep(&kMoment, nullptr);
    }
    return false;
}

// What can be done without a record: config.json was written before anything else was made.
Status remove_remains(const Settings &settings, ContainerDir &directory, const std::string &id) {
    if (const Result<oci::Spec> spec = load_spec(directory); spec.has_value()) {
        const auto place = isolate::Cgroup::place_of({.manager = settings.cgroup_manager,
                                                      .id = id,
                                                      .cgroups_path = spec->linux_.cgroups_path,
                                                      .rootless = settings.rootless,
                                                      .annotations = spec->annotations});
        if (place.has_value()) {
            isolate::Cgroup cgroup = TRY(isolate::Cgroup::open(*place, settings.rootless));
            TRY(cgroup.remove()); // the operator's --force: a record that does not read may be of one that runs
        }
    }
    return directory.remove();
}

} // namespace

Status remove_container(const State &state, ContainerDir &directory, isolate::Cgroup &cgroup) {
    if (state.pid != 0 || is_ours(cgroup)) {
        TRY(cgroup.remove());
    }
    if (state.covered_mount) {
        TRY(unmount_root(state.rootfs, *state.covered_mount));
    }
    if (state.rdt) {
        TRY(isolate::remove_rdt(*state.rdt));
    }
    Status hooks;
    if (has_hooks(state, "poststop")) {
        go_to_bundle(state);
        const Result<oci::Spec> spec = load_spec(directory);
        hooks = spec.has_value() ? run_hooks("poststop", spec->hooks.poststop, oci_state(state, Phase::kStopped, 0))
                                 : Status(std::unexpected(spec.error()));
    }
    TRY(directory.remove());
    return hooks;
}

Status delete_container(const Settings &settings, const std::string &id, bool force) {
    Result<ContainerDir> directory = ContainerDir::open(settings.root, id);
    if (!directory.has_value()) {
        return force && directory.error().code == ENOENT ? Status{} : std::unexpected(directory.error());
    }
    const Result<State> state = directory->load();
    if (!state.has_value()) {
        return force ? remove_remains(settings, *directory, id) : std::unexpected(state.error());
    }
    Fd first_process;
    const Phase phase = TRY(phase_of(*state, *directory, &first_process));
    if (phase != Phase::kStopped) {
        if (!force && phase != Phase::kCreated) {
            return fail(EBUSY, "cannot delete container " + quote(id) + " that is not stopped: " + phase_name(phase));
        }
        if (first_process.is_open()) {
            TRY(end_first_process(first_process, id));
        }
    }
    isolate::Cgroup cgroup = TRY(isolate::Cgroup::open(state->cgroup, settings.rootless));
    return remove_container(*state, *directory, cgroup);
}

} // namespace ballast::container
