// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/claims.h"

#include <algorithm>
#include <format>
#include <vector>

#include "agent/pods/placement.h"
#include "base/json/json_take.h"

namespace ballast::agent {
namespace {

// Nothing is required: any node will do.
Status check_node(const Json &volume, const Json &node) {
    const Json &required = json_at(volume, {"spec", "nodeAffinity", "required"});
    if (!required.is_object()) {
        return {};
    }
    JsonDocument document = TRY(JsonDocument::parse(json_body(required), "nodeAffinity of PV " + name_of(volume)));
    std::vector<NodeTerm> terms;
    take_list(JsonCursor(document).at("nodeSelectorTerms"), terms, read_node_term);
    TRY(document.status());
    const bool fits =
        std::ranges::any_of(terms, [&](const NodeTerm &term) { return is_met(term, name_of(node), labels_of(node)); });
    return fits ? Status() : fail(EINVAL, "MountVolume.NodeAffinity check failed: no matching NodeSelectorTerms");
}

} // namespace

Result<std::string> volume_of_claim(const Json &claim) {
    if (json_at(claim, {"metadata", "deletionTimestamp"}).is_string()) {
        return fail(EAGAIN, "PVC is being deleted");
    }
    std::string volume = json_text(claim, {"spec", "volumeName"});
    if (json_text(claim, {"status", "phase"}) != "Bound" || volume.empty()) {
        return fail(EAGAIN, "PVC is not bound");
    }
    if (json_text(claim, {"spec", "volumeMode"}) == "Block") {
        return fail(ENOTSUP, "block devices of claims are not supported");
    }
    return volume;
}

Result<PersistentVolume> persistent_volume(const Json &volume, const Json &claim, const Json &node) {
    const std::string owner = json_text(volume, {"spec", "claimRef", "uid"});
    if (owner != uid_of(claim)) {
        return fail(EAGAIN, std::format("found PV object {} with claimRef.UID {}, which is not the claim's: {}",
                                        name_of(volume), owner, uid_of(claim)));
    }
    TRY(check_node(volume, node));
    if (const Json &local = json_at(volume, {"spec", "local"}); local.is_object()) {
        return PersistentVolume{.local = true, .place = {.path = json_text(local, {"path"}), .type = ""}};
    }
    if (const Json &host = json_at(volume, {"spec", "hostPath"}); host.is_object()) {
        return PersistentVolume{.place = {.path = json_text(host, {"path"}), .type = json_text(host, {"type"})}};
    }
    return fail(ENOTSUP, "PV " + name_of(volume) + " is neither local nor a hostPath: others are not supported");
}

} // namespace ballast::agent
