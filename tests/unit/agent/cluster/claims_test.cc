// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/claims.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

const Json kClaim = Json::parse(R"({"metadata":{"name":"data-db-0","namespace":"n","uid":"c1"},
                                    "spec":{"volumeName":"disk","volumeMode":"Filesystem"},"status":{"phase":"Bound"}})");
const Json kNode = Json::parse(R"({"metadata":{"name":"one","labels":{"kubernetes.io/hostname":"one"}}})");

Json volume(const char *source, const char *node = "one") {
    Json made = Json::parse(source);
    made["metadata"]["name"] = "disk";
    made["spec"]["claimRef"]["uid"] = "c1";
    made["spec"]["nodeAffinity"]["required"]["nodeSelectorTerms"] = {
        {{"matchExpressions", {{{"key", "kubernetes.io/hostname"}, {"operator", "In"}, {"values", {node}}}}}}};
    return made;
}
constexpr const char *kLocal = R"({"spec":{"local":{"path":"/mnt/disk"}}})";

Json with(Json object, const char *change) {
    object.merge_patch(Json::parse(change));
    return object;
}

} // namespace

TEST_CASE("a claim names the volume that it is bound to", "[agent]") {
    CHECK(must(volume_of_claim(kClaim)) == "disk");
    CHECK(error_of(volume_of_claim(with(kClaim, R"({"status":{"phase":"Pending"}})"))).message == "PVC is not bound");
    CHECK(error_of(volume_of_claim(with(kClaim, R"({"spec":{"volumeName":null}})"))).code == EAGAIN);
    CHECK(error_of(volume_of_claim(with(kClaim, R"({"metadata":{"deletionTimestamp":"2026-01-01T00:00:00Z"}})")))
              .message == "PVC is being deleted");
    CHECK(error_of(volume_of_claim(with(kClaim, R"({"spec":{"volumeMode":"Block"}})"))).code == ENOTSUP);
}

TEST_CASE("a volume is mounted where it is, by its own claim alone", "[agent]") {
    const PersistentVolume local = must(persistent_volume(volume(kLocal), kClaim, kNode));
    CHECK(local.local);
    CHECK(local.place.path == "/mnt/disk");
    const PersistentVolume host = must(persistent_volume(
        volume(R"({"spec":{"hostPath":{"path":"/srv/x","type":"DirectoryOrCreate"}}})"), kClaim, kNode));
    CHECK_FALSE(host.local);
    CHECK(host.place.type == "DirectoryOrCreate");

    CHECK(error_of(persistent_volume(volume(kLocal, "two"), kClaim, kNode)).message ==
          "MountVolume.NodeAffinity check failed: no matching NodeSelectorTerms");
    CHECK(
        persistent_volume(with(volume(kLocal, "two"), R"({"spec":{"nodeAffinity":null}})"), kClaim, kNode).has_value());
    CHECK(error_of(persistent_volume(volume(kLocal), with(kClaim, R"({"metadata":{"uid":"c2"}})"), kNode)).code ==
          EAGAIN);
    CHECK(error_of(persistent_volume(volume(R"({"spec":{"nfs":{}}})"), kClaim, kNode)).code == ENOTSUP);
    CHECK(error_of(persistent_volume(
                       with(volume(kLocal), R"({"spec":{"nodeAffinity":{"required":{"nodeSelectorTerms":1}}}})"),
                       kClaim, kNode))
              .code == EINVAL);
}
