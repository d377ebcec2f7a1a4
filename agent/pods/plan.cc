// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/plan.h"

#include <algorithm>
#include <format>

#include "agent/cri_client/labels.h"

namespace ballast::agent {
namespace {

// One plan in the making.
class Planner {
  public:
    Planner(const Pod &pod, const ObservedPod &observed, const Judgement &judgement, const BackOff &back_off,
            BackOff::Time now)
        : pod_(pod), observed_(observed), judgement_(judgement), back_off_(back_off), now_(now) {}

    Plan take() && {
        if (finished()) {
            plan_.finished = true;
            return std::move(plan_);
        }
        const ObservedSandbox *sandbox = observed_.sandbox();
        if (sandbox == nullptr || !sandbox->ready) {
            plan_new_sandbox(sandbox);
        } else {
            sandbox_ = sandbox->id;
            plan_containers();
        }
        return std::move(plan_);
    }

  private:
    bool restarts(const ObservedContainer &ended) const {
        return pod_.restart_policy == RestartPolicy::kAlways ||
               (pod_.restart_policy == RestartPolicy::kOnFailure && ended.exit_code != 0);
    }

    static bool has_ended(const ObservedContainer *container) {
        return container != nullptr && container->state == ContainerState::kExited;
    }

    // No container of the pod's own runs or will run again; or an init container has failed for good.
    bool finished() const {
        if (pod_.restart_policy == RestartPolicy::kAlways) {
            return false;
        }
        const bool all = std::ranges::all_of(pod_.containers, [&](const Container &container) {
            const ObservedContainer *last = observed_.container(container.name);
            return has_ended(last) && !restarts(*last);
        });
        return all || (pod_.restart_policy == RestartPolicy::kNever &&
                       std::ranges::any_of(pod_.init_containers, [&](const Container &container) {
                           const ObservedContainer *last = observed_.container(container.name);
                           return !container.sidecar && has_ended(last) && last->exit_code != 0;
                       }));
    }

    // Of a container whose turn has not come, as kubelet has it.
    Waiting not_yet() const { return {pod_.init_containers.empty() ? "ContainerCreating" : "PodInitializing", ""}; }

    void plan_new_sandbox(const ObservedSandbox *last) {
        plan_.new_sandbox = true;
        plan_.sandbox_attempt = last == nullptr ? 0 : last->attempt + 1;
        for (const ObservedContainer &container : observed_.containers) {
            if (container.running()) {
                plan_.stop.push_back({container.id, container.name, "its sandbox has ended"});
            }
        }
        for (const Container *container : all_containers(pod_)) {
            plan_.waiting[container->name] = not_yet();
        }
        if (!pod_.init_containers.empty()) {
            want(pod_.init_containers.front(), nullptr);
            return;
        }
        for (const Container &container : pod_.containers) {
            const ObservedContainer *before = observed_.container(container.name);
            if (before == nullptr || restarts(*before) || !has_ended(before)) {
                want(container, before);
            }
        }
    }

    // A container of this sandbox, or nullptr.
    const ObservedContainer *now_here(const Container &container) const {
        return observed_.container(container.name, sandbox_);
    }

    // At once, whatever the others wait for; and never again, however they end.
    void plan_ephemeral_containers() {
        for (const Container &container : pod_.ephemeral_containers) {
            if (observed_.container(container.name) == nullptr) {
                plan_.start.push_back(container.name);
            }
        }
    }

    void plan_containers() {
        plan_ephemeral_containers();
        for (const Container *container : all_containers(pod_)) {
            const ObservedContainer *here = now_here(*container);
            if (here == nullptr) {
                plan_.waiting[container->name] = not_yet();
            }
        }
        const bool begun = std::ranges::any_of(
            pod_.containers, [&](const Container &container) { return now_here(container) != nullptr; });
        if (!plan_init_containers(begun)) {
            return;
        }
        bool all = true;
        for (const Container &container : pod_.containers) {
            all = plan_container(container) && all;
        }
        plan_.all_started = all;
    }

    // Whether all of them are done, so that the pod's own containers may start. Once those have begun sidecars alone
    // are looked after.
    bool plan_init_containers(bool begun) {
        for (const Container &container : pod_.init_containers) {
            const ObservedContainer *here = now_here(container);
            if (container.sidecar) {
                const bool runs = plan_container(container, true);
                if (!begun && (!runs || !is_started(container, here))) {
                    return false;
                }
            } else if (!begun && !plan_init_container(container, here)) {
                return false;
            }
        }
        return true;
    }

    // Whether it has succeeded.
    bool plan_init_container(const Container &container, const ObservedContainer *here) {
        if (here == nullptr || here->state == ContainerState::kUnknown) {
            want(container, observed_.container(container.name));
            return false;
        }
        if (here->state == ContainerState::kExited && here->exit_code == 0) {
            return true;
        }
        if (here->state == ContainerState::kExited || here->state == ContainerState::kCreated) {
            want(container, here);
        }
        return false;
    }

    bool is_started(const Container &container, const ObservedContainer *here) const {
        return here != nullptr && here->running() && (!container.startup || judgement_.started.contains(here->id));
    }

    // Whether it was started in this sandbox and needs nothing now.
    bool plan_container(const Container &container, bool always = false) {
        const ObservedContainer *here = now_here(container);
        if (here == nullptr) {
            const ObservedContainer *before = observed_.container(container.name);
            if (before != nullptr && !always && has_ended(before) && !restarts(*before)) {
                return true;
            }
            want(container, before);
            return false;
        }
        if (here->running()) {
            return !must_restart(container, *here);
        }
        if (here->state == ContainerState::kExited && !always && !restarts(*here)) {
            return true;
        }
        if (here->state == ContainerState::kUnknown) {
            plan_.stop.push_back({here->id, here->name, "its state is not known"});
        }
        want(container, here);
        return here->state == ContainerState::kExited; // it was started; that it is started again changes nothing
    }

    bool must_restart(const Container &container, const ObservedContainer &here) {
        const std::string hash = here.annotation(labels::kHash);
        if (!hash.empty() && hash != container.hash) {
            plan_.stop.push_back({here.id, here.name, "its definition has changed"});
            plan_.start.push_back(container.name);
            return true;
        }
        if (judgement_.unwell.contains(here.id)) {
            // Until the one of the start has succeeded it is the only one that is asked.
            const bool starting = container.startup && !judgement_.started.contains(here.id);
            const std::optional<Probe> &failed = starting ? container.startup : container.liveness;
            plan_.stop.push_back({here.id, here.name, "its probe has failed", failed ? failed->grace : std::nullopt});
            return true; // started again once it has ended, as its policy says
        }
        return false;
    }

    // To be started, at once or when it has waited long enough since it ended.
    void want(const Container &container, const ObservedContainer *before) {
        if (before != nullptr && before->state == ContainerState::kExited) {
            const BackOff::Time failed(before->finished);
            const std::string key = back_off_key(pod_, container.name);
            const BackOff::Time left = back_off_.left(key, failed, now_);
            if (left.count() > 0) {
                plan_.waiting[container.name] = {"CrashLoopBackOff",
                                                 std::format("back-off {} restarting failed container={} pod={}_{}({})",
                                                             shown(back_off_.wait_of(key)), container.name, pod_.name,
                                                             pod_.name_space, pod_.uid)};
                plan_.again = std::min(plan_.again.value_or(BackOff::Time::max()), now_ + left);
                return;
            }
        }
        plan_.start.push_back(container.name);
    }

    // "2m40s"
    static std::string shown(BackOff::Time time) {
        const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(time).count();
        return seconds < 60 ? std::format("{}s", seconds) : std::format("{}m{}s", seconds / 60, seconds % 60);
    }

    const Pod &pod_;
    const ObservedPod &observed_;
    const Judgement &judgement_;
    const BackOff &back_off_;
    BackOff::Time now_;
    std::string sandbox_;
    Plan plan_;
};

} // namespace

Plan plan_pod(const Pod &pod, const ObservedPod &observed, const Judgement &judgement, const BackOff &back_off,
              BackOff::Time now) {
    return Planner(pod, observed, judgement, back_off, now).take();
}

std::string back_off_key(const Pod &pod, const std::string &container) {
    const Container *const found = find_container(pod, container);
    return pod.uid + "/" + container + "/" + (found == nullptr ? "" : found->hash);
}

} // namespace ballast::agent
