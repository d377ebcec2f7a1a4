// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/pod_status.h"

#include <algorithm>
#include <format>

#include "agent/cri_client/labels.h"
#include "agent/pods/quality.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

std::string time_text(std::int64_t time) { return timestamp(time, Fraction::kNone); }

const Json &condition_of(const Json &status, const std::string &type) {
    static const Json kNone;
    for (const Json &condition : json_at(status, {"conditions"})) {
        if (json_text(condition, {"type"}) == type) {
            return condition;
        }
    }
    return kNone;
}

// "[a b]"
std::string listed(const std::vector<std::string> &names) {
    std::string text;
    for (const std::string &name : names) {
        text += (text.empty() ? "" : " ") + name;
    }
    return "[" + text + "]";
}

// One status in the making.
class Writer {
  public:
    Writer(const StatusInputs &inputs, const Json &before, std::int64_t now)
        : in_(inputs), pod_(inputs.pod), before_(before), now_(now) {}

    Json write() {
        Json own = Json::array(), init = Json::array();
        for (const Container &container : pod_.init_containers) {
            init.push_back(container_status(container, container.sidecar ? Kind::kOwn : Kind::kInit));
        }
        for (const Container &container : pod_.containers) {
            own.push_back(container_status(container, Kind::kOwn));
        }
        phase_ = phase();
        Json status = {{"phase", phase_},
                       {"conditions", conditions()},
                       {"containerStatuses", std::move(own)},
                       {"qosClass", name_of(quality_of(pod_))},
                       {"startTime", start_time()},
                       {"reason", in_.failure ? Json(in_.failure->reason) : Json()},
                       {"message", in_.failure ? Json(in_.failure->message) : Json()}};
        if (!init.empty()) {
            status["initContainerStatuses"] = std::move(init);
        }
        for (const Container &container : pod_.ephemeral_containers) {
            status["ephemeralContainerStatuses"].push_back(container_status(container, Kind::kEphemeral));
        }
        write_addresses(status);
        return status;
    }

  private:
    enum class Kind : std::uint8_t { kInit, kOwn, kEphemeral }; // sidecars are as the pod's own

    std::string start_time() const {
        const std::string before = json_text(before_, {"startTime"});
        return before.empty() ? time_text(now_) : before;
    }

    void write_addresses(Json &status) const {
        if (!in_.node_address.empty()) {
            status["hostIP"] = in_.node_address;
            status["hostIPs"] = Json::array({Json{{"ip", in_.node_address}}});
        }
        const ObservedSandbox *sandbox = in_.observed.sandbox();
        const std::string own = sandbox == nullptr ? "" : sandbox->address;
        const std::string address = pod_.host_network && sandbox != nullptr ? in_.node_address : own;
        if (!address.empty()) {
            status["podIP"] = address;
            status["podIPs"] = Json::array({Json{{"ip", address}}});
        }
    }

    const ObservedContainer *newest(const Container &container) const { return in_.observed.container(container.name); }

    // The one before the newest, that ended.
    const ObservedContainer *previous(const Container &container) const {
        const ObservedContainer *first = newest(container);
        for (const ObservedContainer &other : in_.observed.containers) {
            if (&other != first && other.name == container.name && other.state == ContainerState::kExited) {
                return &other;
            }
        }
        return nullptr;
    }

    const Waiting *waits(const Container &container) const {
        const auto found = in_.waiting.find(container.name);
        return found == in_.waiting.end() ? nullptr : &found->second;
    }

    // Nothing is started any more.
    bool is_over() const { return in_.state != PodState::kStarting && in_.state != PodState::kRunning; }

    bool is_waiting(const Container &container) const {
        const ObservedContainer *here = newest(container);
        return here == nullptr || here->state == ContainerState::kCreated || here->state == ContainerState::kUnknown ||
               (here->state == ContainerState::kExited && waits(container) != nullptr && !is_over());
    }

    std::string container_id(const ObservedContainer &container) const { return in_.runtime + "://" + container.id; }

    Json terminated(const ObservedContainer &container) const {
        Json state = {{"exitCode", container.exit_code},
                      {"reason", container.reason.empty() ? (container.exit_code == 0 ? "Completed" : "Error")
                                                          : container.reason},
                      {"containerID", container_id(container)},
                      {"startedAt", container.started == 0 ? Json() : Json(time_text(container.started))},
                      {"finishedAt", container.finished == 0 ? Json() : Json(time_text(container.finished))}};
        const std::string words = in_.last_words ? in_.last_words(container) : "";
        if (const std::string message = words.empty() ? container.message : words; !message.empty()) {
            state["message"] = message;
        }
        return {{"terminated", std::move(state)}};
    }

    Json waiting_state(const Container &container) const {
        const Waiting *why = waits(container);
        const Waiting usual{pod_.init_containers.empty() ? "ContainerCreating" : "PodInitializing", ""};
        const Waiting &said = why == nullptr || why->reason.empty() ? usual : *why;
        Json state = {{"reason", said.reason}};
        if (!said.message.empty()) {
            state["message"] = said.message;
        }
        return {{"waiting", std::move(state)}};
    }

    bool is_started(const Container &container) const {
        const ObservedContainer *here = newest(container);
        return here != nullptr && here->running() && (!container.startup || in_.judgement.started.contains(here->id));
    }
    bool is_ready(const Container &container) const {
        return is_started(container) && (!container.readiness || in_.judgement.ready.contains(newest(container)->id));
    }
    static bool has_succeeded(const ObservedContainer *container) {
        return container != nullptr && container->state == ContainerState::kExited && container->exit_code == 0;
    }

    Json container_status(const Container &container, Kind kind) const {
        const ObservedContainer *here = newest(container);
        const ObservedContainer *last = previous(container);
        Json status = {{"name", container.name},
                       {"image", container.image},
                       {"imageID", ""},
                       {"ready", kind == Kind::kInit  ? has_succeeded(here)
                                 : kind == Kind::kOwn ? is_ready(container)
                                                      : false},
                       {"restartCount", 0},
                       {"state", Json::object()},
                       {"lastState", Json::object()}};
        if (kind == Kind::kOwn) {
            status["started"] = is_started(container);
        }
        if (here != nullptr) {
            status["restartCount"] = here->attempt;
            status["containerID"] = container_id(*here);
            status["imageID"] = here->image_ref;
        }
        if (is_waiting(container)) {
            status["state"] = waiting_state(container);
            last = here != nullptr && here->state == ContainerState::kExited ? here : last;
        } else if (here->running()) {
            status["state"] = {{"running", {{"startedAt", time_text(here->started)}}}};
        } else {
            status["state"] = terminated(*here);
        }
        if (last != nullptr) {
            status["lastState"] = terminated(*last);
        }
        return status;
    }

    std::vector<std::string> uninitialized() const {
        std::vector<std::string> names;
        const bool begun = std::ranges::any_of(
            pod_.containers, [&](const Container &container) { return newest(container) != nullptr; });
        for (const Container &container : pod_.init_containers) {
            const bool done = container.sidecar ? is_started(container) : has_succeeded(newest(container));
            if (!done && !begun) {
                names.push_back(container.name);
            }
        }
        return names;
    }

    std::string phase() const {
        if (in_.failure) {
            return "Failed";
        }
        if (!uninitialized().empty()) {
            const bool failed = pod_.restart_policy == RestartPolicy::kNever &&
                                std::ranges::any_of(pod_.init_containers, [&](const Container &container) {
                                    const ObservedContainer *here = newest(container);
                                    return !container.sidecar && here != nullptr &&
                                           here->state == ContainerState::kExited && here->exit_code != 0;
                                });
            return failed ? "Failed" : "Pending";
        }
        std::size_t running = 0, stopped = 0, succeeded = 0;
        for (const Container &container : pod_.containers) {
            const ObservedContainer *here = newest(container);
            if (here == nullptr || here->state == ContainerState::kCreated) {
                return "Pending";
            }
            running += here->running() ? 1 : 0;
            stopped += here->state == ContainerState::kExited ? 1 : 0;
            succeeded += has_succeeded(here) ? 1 : 0;
        }
        if (running == 0 && stopped == pod_.containers.size() && is_over()) {
            return succeeded == stopped ? "Succeeded" : "Failed";
        }
        return "Running";
    }

    Json condition(const char *type, bool holds, const std::string &reason, const std::string &message) const {
        const Json &old = condition_of(before_, type);
        const char *status = holds ? "True" : "False";
        const std::string since = json_text(old, {"lastTransitionTime"});
        const bool same = json_text(old, {"status"}) == status && !since.empty();
        return {{"type", type},
                {"status", status},
                {"lastProbeTime", nullptr},
                {"lastTransitionTime", same ? since : time_text(now_)},
                {"reason", reason.empty() ? Json() : Json(reason)},
                {"message", message.empty() ? Json() : Json(message)}};
    }

    Json readiness(const char *type, bool gates) const {
        if (phase_ == "Succeeded" || phase_ == "Failed") {
            return condition(type, false, phase_ == "Succeeded" ? "PodCompleted" : "PodFailed", "");
        }
        std::vector<std::string> unready;
        for (const Container &container : pod_.init_containers) {
            if (container.sidecar && !is_ready(container)) {
                unready.push_back(container.name);
            }
        }
        for (const Container &container : pod_.containers) {
            if (!is_ready(container)) {
                unready.push_back(container.name);
            }
        }
        if (!unready.empty()) {
            return condition(type, false, "ContainersNotReady", "containers with unready status: " + listed(unready));
        }
        for (const std::string &gate : pod_.readiness_gates) {
            const std::string status = json_text(condition_of(before_, gate), {"status"});
            if (gates && status != "True") {
                return condition(
                    type, false, "ReadinessGatesNotReady",
                    status.empty()
                        ? std::format("corresponding condition of pod readiness gate \"{}\" does not exist.", gate)
                        : std::format("the status of pod readiness gate \"{}\" is not \"True\", but {}", gate, status));
            }
        }
        return condition(type, true, "", "");
    }

    // Sandbox and network are there.
    Json startable() const {
        const ObservedSandbox *sandbox = in_.observed.sandbox();
        return condition("PodReadyToStartContainers",
                         sandbox != nullptr && sandbox->ready && (pod_.host_network || !sandbox->address.empty()), "",
                         "");
    }

    Json conditions() const {
        const std::vector<std::string> missing = uninitialized();
        return Json::array(
            {startable(),
             missing.empty() ? condition("Initialized", true, phase_ == "Succeeded" ? "PodCompleted" : "", "")
                             : condition("Initialized", false, "ContainersNotInitialized",
                                         "containers with incomplete status: " + listed(missing)),
             readiness("Ready", true), readiness("ContainersReady", false), condition("PodScheduled", true, "", "")});
    }

    const StatusInputs &in_;
    const Pod &pod_;
    const Json &before_;
    std::int64_t now_;
    std::string phase_;
};

} // namespace

Json pod_status(const StatusInputs &inputs, const Json &before, std::int64_t now) {
    return Writer(inputs, before, now).write();
}

Json rejected_status(const Waiting &why, const Json &before, std::int64_t now) {
    const std::string since = json_text(before, {"startTime"});
    return {{"phase", "Failed"},
            {"reason", why.reason},
            {"message", "Pod was rejected: " + why.message},
            {"startTime", since.empty() ? time_text(now) : since}};
}

Json status_patch(const std::string &uid, Json status) {
    for (const char *list : {"podIPs", "hostIPs"}) {
        if (status.contains(list)) {
            status[list].insert(status[list].begin(), Json{{"$patch", "replace"}});
        }
    }
    return {{"metadata", {{"uid", uid}}}, {"status", std::move(status)}};
}

bool condition_differs(const Json &status, const Json &other, const std::string &type) {
    return json_text(condition_of(status, type), {"status"}) != json_text(condition_of(other, type), {"status"});
}

} // namespace ballast::agent
