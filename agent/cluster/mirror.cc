// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/mirror.h"

#include "agent/cri_client/labels.h"

namespace ballast::agent {

Json mirror_of(const Pod &pod, const std::string &node_name, const Json &node) {
    Json mirror = Json::parse(pod.definition, nullptr, false);
    if (!mirror.is_object() || !json_at(mirror, {"metadata"}).is_object() || !json_at(mirror, {"spec"}).is_object()) {
        return nullptr;
    }
    Json annotations = Json::object();
    for (const auto &[name, value] : pod.annotations) {
        annotations[name] = value;
    }
    annotations[labels::kConfigMirror] = pod.uid;
    mirror["metadata"] = {{"name", pod.name}, {"namespace", pod.name_space}, {"annotations", std::move(annotations)}};
    for (const auto &[name, value] : pod.labels) {
        mirror["metadata"]["labels"][name] = value;
    }
    if (!uid_of(node).empty()) {
        const Json owner = {
            {"apiVersion", "v1"}, {"kind", "Node"}, {"name", node_name}, {"uid", uid_of(node)}, {"controller", true}};
        mirror["metadata"]["ownerReferences"] = Json::array({owner});
    }
    Json tolerations = json_at(mirror, {"spec", "tolerations"});
    if (!tolerations.is_array()) {
        tolerations = Json::array();
    }
    tolerations.push_back({{"operator", "Exists"}, {"effect", "NoExecute"}});
    mirror["spec"]["tolerations"] = std::move(tolerations);
    mirror["spec"]["nodeName"] = node_name;
    mirror.erase("status");
    return mirror;
}

bool mirrors(const Pod &mirror, const Pod &pod) {
    const auto shown = mirror.annotations.find(labels::kConfigMirror);
    return mirror.full_name() == pod.full_name() && shown != mirror.annotations.end() && shown->second == pod.uid;
}

} // namespace ballast::agent
