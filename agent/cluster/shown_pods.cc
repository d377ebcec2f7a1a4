// SPDX-License-Identifier: Apache-2.0
// What this node says of its pods when it is asked itself.
#include "agent/cluster/cluster.h"
#include "agent/cluster/mirror.h"
#include "agent/cri_client/labels.h"
#include "base/timestamp.h"

namespace ballast::agent {

std::vector<Json> Cluster::shown(const Pods &pods) {
    std::vector<Json> objects;
    for (const auto &[uid, entry] : entries_) {
        if (!entry.api.mirror) { // which shows one of those below
            objects.push_back(shown_bound(entry, pods));
        }
    }
    for (const auto &[name, pod] : static_.value_or(std::map<std::string, Pod>())) {
        objects.push_back(shown_static(pod, pods));
    }
    return objects;
}

std::optional<ShownPod> Cluster::shown(const Pods &pods, const std::string &full_name, const std::string &uid) {
    const auto with_observed = [&](Json object, const std::string &own_uid) {
        const auto life = pods.all().find(own_uid);
        return ShownPod{std::move(object), life == pods.all().end() ? ObservedPod() : life->second->observed()};
    };
    if (static_ && static_->contains(full_name)) {
        const Pod &pod = static_->at(full_name);
        const auto mirror = entries_.find(uid); // whoever asks may know no other UID
        if (uid.empty() || uid == pod.uid || (mirror != entries_.end() && shown_by(mirror->second.api) == &pod)) {
            return with_observed(shown_static(pod, pods), pod.uid);
        }
    }
    const Entry *chosen = nullptr;
    for (const auto &[own_uid, entry] : entries_) {
        const bool fits =
            !entry.api.mirror && entry.api.pod.full_name() == full_name && (uid.empty() || uid == own_uid);
        if (fits && (chosen == nullptr || chosen->gone)) { // one that is gone may wait to be forgotten
            chosen = &entry;
        }
    }
    return chosen == nullptr ? std::nullopt
                             : std::optional(with_observed(shown_bound(*chosen, pods), chosen->api.pod.uid));
}

Json Cluster::shown_bound(const Entry &entry, const Pods &pods) {
    Json object = Json::parse(entry.api.definition, nullptr, false);
    if (!object.is_object()) {
        object = {{"metadata", {{"name", entry.api.pod.name}, {"namespace", entry.api.pod.name_space}}}};
    }
    std::optional<Json> now = status_of(entry, pods, Time(now_ns()));
    if (!now) {
        now = entry.told.is_null() ? entry.api.status : entry.told;
    }
    object["status"] = std::move(*now);
    return object;
}

Json Cluster::shown_static(const Pod &pod, const Pods &pods) {
    Json object = mirror_of(pod, options_.node_name, nullptr);
    if (object.is_null()) {
        object = {{"metadata", {{"name", pod.name}, {"namespace", pod.name_space}}}};
    } else {
        object["metadata"]["annotations"].erase(labels::kConfigMirror);
    }
    object["metadata"]["uid"] = pod.uid;
    object["status"] = Json::object();
    const auto found = pods.all().find(pod.uid);
    if (found != pods.all().end() && found->second->known()) {
        object["status"] =
            live_status(*found->second, Json::object(), Json::array(), Time(now_ns())).value_or(Json::object());
    }
    return object;
}

} // namespace ballast::agent
