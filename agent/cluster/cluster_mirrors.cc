// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include "agent/cluster/cluster.h"
#include "agent/cluster/mirror.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

constexpr std::chrono::seconds kRetry{10};

} // namespace

void Cluster::set_static(const std::vector<Pod> &pods) {
    static_.emplace();
    for (const Pod &pod : pods) {
        static_->emplace(pod.full_name(), pod);
    }
}

// The static pod that an object of the API shows; nullptr: none that there is now.
const Pod *Cluster::shown_by(const ApiPod &mirror) const {
    if (!static_ || !mirror.mirror || mirror.deleted) {
        return nullptr;
    }
    const auto found = static_->find(mirror.pod.full_name());
    return found != static_->end() && mirrors(mirror.pod, found->second) ? &found->second : nullptr;
}

// Each static pod has one object that shows it, and there are no others.
void Cluster::keep_mirrors(Time now) {
    if (!static_ || !known_ || reporter_->node().is_null()) {
        return;
    }
    std::set<std::string> shown; // or about to be free
    for (auto &[uid, entry] : entries_) {
        if (!entry.api.mirror) {
            continue;
        }
        shown.insert(entry.api.pod.full_name());
        if (shown_by(entry.api) == nullptr && !entry.sending && !entry.removed && now >= entry.not_before) {
            remove(entry);
        }
    }
    std::erase_if(mirrors_, [&](const auto &entry) {
        return shown.contains(entry.first) || (entry.second.count() > 0 && now >= entry.second);
    });
    for (const auto &[name, pod] : *static_) {
        if (!shown.contains(name) && !mirrors_.contains(name)) {
            make_mirror(pod);
        }
    }
    for (const auto &[name, again] : mirrors_) {
        if (again.count() > 0) {
            due_ = std::min(due_.value_or(Time::max()), again);
        }
    }
}

// The watch shows that it is there; until then nothing is tried, unless this one fails.
void Cluster::make_mirror(const Pod &pod) {
    const std::string name = pod.full_name();
    mirrors_[name] = Time(0);
    background_.run([this, name, path = "/api/v1/namespaces/" + pod.name_space + "/pods",
                     mirror = mirror_of(pod, options_.node_name, reporter_->node())]() -> Background::After {
        const Result<Json> done = mirror.is_null() ? fail(EINVAL, "its manifest cannot be shown")
                                                   : server_.create(path, mirror, stop_.get_token());
        return [this, name, result = done.has_value() ? Status() : Status(std::unexpected(done.error()))] {
            if (!result.has_value()) {
                log::warning("static pod " + name + " cannot be shown to the API server: " + result.error().message);
            }
            mirrors_[name] = Time(now_ns()) + kRetry;
        };
    });
}

} // namespace ballast::agent
