// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/pods.h"

#include <algorithm>

#include "agent/cri_client/labels.h"
#include "agent/volumes/pod_directory.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kLookPeriod = 1s;   // while there are pods
constexpr std::chrono::nanoseconds kCheckPeriod = 30s; // when the runtime tells what happens to them
constexpr std::chrono::nanoseconds kSoon = 100ms;      // after something was done, or has happened
constexpr std::chrono::nanoseconds kRestPeriod = 60s;  // without pods

// What is left of a pod whose definition is gone: enough to end it as it would have wanted.
Pod remains_of(const ObservedPod &observed) {
    Pod pod;
    pod.uid = observed.uid;
    pod.name = observed.name;
    pod.name_space = observed.name_space;
    if (observed.sandbox() != nullptr) {
        pod.annotations = observed.sandbox()->annotations;
    }
    return pod;
}

// "file", "api", or nothing: not a pod of this agent's kind.
std::string source_of(const ObservedPod &observed) {
    for (const ObservedSandbox &sandbox : observed.sandboxes) {
        if (const auto source = sandbox.annotations.find(labels::kConfigSource); source != sandbox.annotations.end()) {
            return source->second;
        }
    }
    return "";
}

bool is_static(const Pod &pod) {
    const auto source = pod.annotations.find(labels::kConfigSource);
    return source == pod.annotations.end() || source->second == "file";
}

} // namespace

Pods::Pods(const World &world, Background &background)
    : world_(world), background_(background), back_off_(world.options.config.most_restart_period),
      slices_(world, background) {}

void Pods::want(std::vector<WantedPod> pods, bool cluster_known) {
    std::set<std::string> wanted;
    for (WantedPod &entry : pods) {
        const std::string uid = entry.pod.uid;
        wanted.insert(uid);
        if (world_.options.config.seccomp_default && !entry.pod.security.seccomp) {
            entry.pod.security.seccomp = SecurityProfile{.type = "RuntimeDefault"};
        }
        const auto found = pods_.find(uid);
        if (found == pods_.end()) {
            const PodState state = entry.deleted ? PodState::kRemoving
                                   : entry.ended ? PodState::kEnding
                                                 : PodState::kStarting;
            PodLife &life = *pods_.emplace(uid, std::make_unique<PodLife>(std::move(entry.pod), state)).first->second;
            if (entry.deleted) {
                life.unwanted(entry.grace);
            }
        } else if (entry.deleted) {
            found->second->unwanted(entry.grace);
        } else {
            found->second->update(std::move(entry.pod));
        }
    }
    for (const auto &[uid, pod] : pods_) {
        const bool known = cluster_known || is_static(pod->pod());
        if (!wanted.contains(uid) && known) {
            pod->unwanted();
        }
    }
    told_ = true;
    cluster_known_ = cluster_known;
}

std::vector<Shutdown::One> Pods::for_shutdown() const {
    std::vector<Shutdown::One> all;
    for (const auto &[uid, life] : pods_) {
        const PodState state = life->state();
        all.push_back({.uid = uid,
                       .priority = life->pod().priority.value_or(0),
                       .grace = life->pod().grace,
                       .over = state == PodState::kEnded || state == PodState::kCleaning || state == PodState::kGone});
    }
    return all;
}

// In kubelet's words.
void Pods::end(const Shutdown::End &end) {
    if (const auto found = pods_.find(end.uid); found != pods_.end()) {
        found->second->end({"Terminated", "Pod was terminated in response to imminent node shutdown."}, end.grace);
    }
}

void Pods::evict(const std::string &uid, const std::string &why) {
    const auto found = pods_.find(uid);
    if (found == pods_.end() || !found->second->wanted()) {
        return;
    }
    const Waiting failure{.reason = "Evicted", .message = why};
    world_.note(found->second->pod(), {.warning = true, .reason = failure.reason, .message = failure.message});
    found->second->end(failure, 1);
}

// One for which something is being done is looked at afterwards in any case.
void Pods::changed(const std::set<std::string> &uids) {
    changed_ = changed_ || std::ranges::any_of(uids, [this](const std::string &uid) {
                   const auto found = pods_.find(uid);
                   return found == pods_.end() || !found->second->busy();
               });
}

Pods::Time Pods::next_look(Time now, bool told) const {
    if (looking_) {
        return Time::max();
    }
    const bool soon =
        changed_ || std::ranges::any_of(pods_, [](const auto &entry) { return entry.second->wants_look(); });
    const std::chrono::nanoseconds period = !trouble_.empty() || !looked_ ? kLookPeriod
                                            : soon                        ? kSoon
                                            : pods_.empty()               ? kRestPeriod
                                            : told                        ? kCheckPeriod
                                                                          : kLookPeriod;
    // A clock that was set back must not keep it waiting.
    return std::min(last_look_ + period, now + period);
}

void Pods::look(Time now) {
    looking_ = true;
    changed_ = false;
    last_look_ = now;
    for (const auto &[uid, pod] : pods_) {
        pod->looking();
    }
    background_.run([this, &world = world_]() -> Background::After { // which may outlive this
        return [this, observed = std::make_shared<Result<ObservedPods>>(world.runtime.pods())] {
            looked(std::move(*observed), Time(now_ns()));
        };
    });
}

void Pods::looked(Result<ObservedPods> observed, Time now) {
    looking_ = false;
    last_look_ = now;
    if (!observed.has_value()) {
        if (trouble_ != observed.error().message) {
            trouble_ = observed.error().message;
            log::warning("the container runtime: " + trouble_ + "; asked again every second");
        }
        return;
    }
    if (!trouble_.empty()) {
        log::notice("the container runtime answers again");
        trouble_.clear();
    }
    looked_ = true;
    adopt(*observed);
    for (const auto &[uid, pod] : pods_) {
        const auto found = observed->find(uid);
        pod->observe(found == observed->end()
                         ? ObservedPod{.uid = uid, .name = {}, .name_space = {}, .sandboxes = {}, .containers = {}}
                         : std::move(found->second));
    }
}

// What runs and is nobody's, of those that this agent would have made; and files of pods that are gone.
void Pods::adopt(const ObservedPods &observed) {
    if (!told_) {
        return;
    }
    const auto abandon = [this](Pod pod) {
        const std::string uid = pod.uid;
        pods_.emplace(uid, std::make_unique<PodLife>(std::move(pod), PodState::kRemoving)).first->second->looking();
    };
    for (const auto &[uid, pod] : observed) {
        const std::string source = source_of(pod);
        if (!pods_.contains(uid) && (source == "file" || (source == "api" && cluster_known_))) {
            log::notice("pod " + pod.name_space + "/" + pod.name + " is not wanted any more", {{"POD_UID", uid}});
            abandon(remains_of(pod));
        }
    }
    if (directories_checked_ || !cluster_known_) {
        return;
    }
    directories_checked_ = true;
    const auto uids = pods_with_directories(world_.options.root_directory);
    for (const std::string &uid : uids.value_or(std::vector<std::string>())) {
        if (!pods_.contains(uid) && !observed.contains(uid)) {
            Pod pod;
            pod.uid = uid;
            abandon(std::move(pod));
        }
    }
}

bool Pods::name_is_taken(const PodLife &pod) const {
    return std::ranges::any_of(pods_, [&](const auto &entry) {
        const PodLife &other = *entry.second;
        return &other != &pod && other.pod().full_name() == pod.pod().full_name() &&
               (other.state() == PodState::kRemoving || other.state() == PodState::kCleaning);
    });
}

bool Pods::step(Time now) {
    std::erase_if(pods_, [](const auto &entry) { return entry.second->state() == PodState::kGone; });
    slices_.step(pods_, now);
    bool moved = false;
    for (const auto &[uid, pod] : pods_) {
        const PodState before = pod->state();
        const bool waits = before == PodState::kStarting && pod->observed().sandboxes.empty() && name_is_taken(*pod);
        if (!waits) {
            pod->step(world_, background_, back_off_, now);
        }
        moved = moved || pod->state() != before;
    }
    return moved;
}

bool Pods::ready() const {
    return looked_ && trouble_.empty() &&
           std::ranges::none_of(pods_, [](const auto &entry) { return entry.second->state() == PodState::kStarting; });
}

std::vector<std::string> Pods::list() const {
    std::vector<std::string> all;
    for (const auto &[uid, pod] : pods_) {
        all.push_back(pod->pod().full_name() + " " + std::string(name_of(pod->state())));
    }
    return all;
}

} // namespace ballast::agent
