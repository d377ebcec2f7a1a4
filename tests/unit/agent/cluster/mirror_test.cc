// SPDX-License-Identifier: Apache-2.0
#include "agent/cluster/mirror.h"

#include "agent/static_pods/manifest.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

TEST_CASE("a static pod is shown as it is written, on its node", "[agent]") {
    const Pod pod = must(read_manifest("apiVersion: v1\nkind: Pod\nmetadata: {name: web, labels: {app: shop}}\nspec:\n"
                                       "  containers: [{name: a, image: x}]\n  tolerations: [{key: k}]\n",
                                       "/etc/web.yaml", "n"));
    const Json mirror = mirror_of(pod, "n", {{"metadata", {{"uid", "node-uid"}}}});
    REQUIRE(name_of(mirror) == "web-n");
    REQUIRE(namespace_of(mirror) == "default");
    REQUIRE(json_text(mirror, {"metadata", "annotations", "kubernetes.io/config.mirror"}) == pod.uid);
    REQUIRE(json_text(mirror, {"metadata", "labels", "app"}) == "shop");
    REQUIRE(json_text(mirror, {"spec", "nodeName"}) == "n");
    REQUIRE(json_at(mirror, {"spec", "containers"}).at(0).at("image") == "x");
    REQUIRE(json_at(mirror, {"spec", "tolerations"}).size() == 2);
    REQUIRE(json_at(mirror, {"metadata", "ownerReferences"}).at(0).at("uid") == "node-uid");
    REQUIRE(json_at(mirror, {"metadata", "ownerReferences"}).at(0).at("controller") == true);
    Pod shown = pod;
    REQUIRE_FALSE(mirrors(shown, pod));
    shown.annotations["kubernetes.io/config.mirror"] = pod.uid;
    REQUIRE(mirrors(shown, pod));
    shown.annotations["kubernetes.io/config.mirror"] = "another";
    REQUIRE_FALSE(mirrors(shown, pod));
}
