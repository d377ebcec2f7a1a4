// SPDX-License-Identifier: Apache-2.0
#include "runtime/container/lifecycle.h"

#include "base/quote.h"

namespace ballast::container {
Result<isolate::Cgroup> cgroup_of(const Settings &settings, const std::string &id, const char *action,
                                  std::initializer_list<Phase> wanted) {
    const ContainerDir directory = TRY(ContainerDir::open(settings.root, id, false));
    const State state = TRY(directory.load());
    const Phase phase = TRY(phase_of(state, directory));
    bool fits = false;
    for (const Phase one : wanted) {
        fits = fits || phase == one;
    }
    if (!fits) {
        return fail(EINVAL,
                    std::string("cannot ") + action + " container " + quote(id) + ": it is " + phase_name(phase));
    }
    if (state.cgroup.manager == isolate::CgroupManager::kDisabled) {
        return fail(ENOTSUP, std::string("cannot ") + action + " container " + quote(id) +
                                 ": it was created without a cgroup (--cgroup-manager disabled)");
    }
    return isolate::Cgroup::open(state.cgroup, settings.rootless);
}

Status pause(const Settings &settings, const std::string &id) {
    return TRY(cgroup_of(settings, id, "pause", {Phase::kRunning, Phase::kCreated})).freeze();
}

Status resume(const Settings &settings, const std::string &id) {
    return TRY(cgroup_of(settings, id, "resume", {Phase::kPaused})).thaw();
}

Status update(const Settings &settings, const std::string &id, const oci::Resources &resources) {
    return TRY(cgroup_of(settings, id, "update", {Phase::kCreated, Phase::kRunning, Phase::kPaused})).update(resources);
}

Result<std::vector<pid_t>> processes(const Settings &settings, const std::string &id) {
    return TRY(cgroup_of(settings, id, "list the processes of", {Phase::kCreated, Phase::kRunning, Phase::kPaused}))
        .processes();
}

Result<Summary> describe(const Settings &settings, const std::string &id) {
    const ContainerDir directory = TRY(ContainerDir::open(settings.root, id, false));
    Summary summary{.state = TRY(directory.load())};
    summary.phase = TRY(phase_of(summary.state, directory));
    return summary;
}

} // namespace ballast::container
