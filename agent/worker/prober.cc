// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/prober.h"

#include <algorithm>
#include <array>
#include <format>

#include "agent/probes/action.h"

namespace ballast::agent {
namespace {

const std::optional<Probe> &probe_of(const Container &container, ProbeKind kind) {
    switch (kind) {
    case ProbeKind::kStartup:
        return container.startup;
    case ProbeKind::kLiveness:
        return container.liveness;
    case ProbeKind::kReadiness:
        break;
    }
    return container.readiness;
}

constexpr std::array kKinds = {ProbeKind::kStartup, ProbeKind::kLiveness, ProbeKind::kReadiness};

} // namespace

Prober::~Prober() {
    *self_ = nullptr;
    stop_.request_stop();
}

void Prober::stop() {
    entries_.clear();
    due_.reset();
    stop_.request_stop();
}

void Prober::follow(const Pod &pod, const ObservedPod &observed, Judgement &judgement) {
    std::map<Key, Entry> now;
    Judgement kept;
    for (const ObservedContainer &container : observed.containers) {
        const Container *defined = find_container(pod, container.name);
        if (!container.running() || defined == nullptr) {
            continue;
        }
        for (std::set<std::string> Judgement::*list : {&Judgement::unwell, &Judgement::started, &Judgement::ready}) {
            if ((judgement.*list).contains(container.id)) {
                (kept.*list).insert(container.id);
            }
        }
        for (const ProbeKind kind : kKinds) {
            if (const std::optional<Probe> &probe = probe_of(*defined, kind)) {
                const Key key(container.id, kind);
                const auto before = entries_.find(key);
                now.emplace(key, before != entries_.end()
                                     ? before->second
                                     : Entry{ProbeWatch(kind, *probe, Time(container.started)), container.name});
            }
        }
    }
    entries_ = std::move(now);
    judgement = std::move(kept);
}

void Prober::step(const World &world, Background &background, const std::shared_ptr<const Pod> &pod,
                  const ObservedPod &observed, Judgement &judgement, Time now) {
    follow(*pod, observed, judgement);
    due_.reset();
    for (auto &[key, entry] : entries_) {
        const auto startup = entries_.find({key.first, ProbeKind::kStartup});
        const bool waits = key.second != ProbeKind::kStartup && startup != entries_.end() &&
                           !(startup->second.watch.judged() && startup->second.watch.well());
        if (waits || entry.probing || entry.watch.over()) {
            continue;
        }
        if (now >= entry.watch.due()) {
            const auto container = std::ranges::find(observed.containers, key.first, &ObservedContainer::id);
            entry.probing = true;
            entry.watch.probing(now);
            probe(world, background, pod, key, container->sandbox, judgement);
        } else {
            due_ = std::min(due_.value_or(Time::max()), entry.watch.due());
        }
    }
}

void Prober::probe(const World &world, Background &background, const std::shared_ptr<const Pod> &pod, const Key &key,
                   const std::string &sandbox, Judgement &judgement) {
    const Entry &entry = entries_.at(key);
    background.run([self = self_, &world, pod, key, sandbox, &judgement, name = entry.container,
                    action = entry.watch.probe().action, timeout = entry.watch.probe().timeout,
                    stop = stop_.get_token()]() -> Background::After {
        Result<std::string> address = pod->host_network ? world.node_address : world.runtime.sandbox_address(sandbox);
        const Target target{
            .container_id = key.first, .address = address.value_or(""), .container = find_container(*pod, name)};
        const Status result = run_action(action, target, {world.runtime, world.http}, timeout, stop);
        return [self, &world, pod, key, result, &judgement] {
            if (*self != nullptr) {
                (*self)->found(world, *pod, key, result, judgement);
            }
        };
    });
}

void Prober::found(const World &world, const Pod &pod, const Key &key, const Status &result, Judgement &judgement) {
    const auto entry = entries_.find(key);
    // The runtime being away says nothing about the container.
    const bool unknown = !result.has_value() && (result.error().code == EAGAIN || result.error().code == ECANCELED);
    if (entry == entries_.end()) {
        return;
    }
    entry->second.probing = false;
    if (unknown) {
        return;
    }
    const bool changed = entry->second.watch.found(result.has_value());
    if (!result.has_value()) {
        world.note(pod, {.warning = true,
                         .reason = "Unhealthy",
                         .message = std::format("{} probe failed: {}", name_of(key.second), result.error().message)});
    }
    if (!changed) {
        return;
    }
    const bool well = entry->second.watch.well();
    if (key.second == ProbeKind::kStartup && well) {
        judgement.started.insert(key.first);
    } else if (key.second == ProbeKind::kReadiness && well) {
        judgement.ready.insert(key.first);
    } else if (key.second == ProbeKind::kReadiness) {
        judgement.ready.erase(key.first);
    } else if (!well) {
        judgement.unwell.insert(key.first);
    }
}

} // namespace ballast::agent
