// SPDX-License-Identifier: Apache-2.0
#include <sys/mount.h>

#include "runtime/isolate/devices.h"
#include "runtime/isolate/mounts.h"
#include "runtime/isolate/rootfs.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

oci::Spec minimal() {
    oci::Spec spec;
    spec.root.path = "rootfs";
    spec.linux_.namespaces = {{oci::NamespaceType::kMount, ""}};
    return spec;
}

} // namespace

TEST_CASE("the root starts from the bundle unless absolute", "[rootfs]") {
    oci::Spec spec = minimal();
    CHECK(must(plan_rootfs(spec, {.bundle = "/b"})).root == "/b/rootfs/");
    spec.root.path = "/other";
    CHECK(must(plan_rootfs(spec, {.bundle = "/b"})).root == "/other/");
}

TEST_CASE("a container without a mount namespace shares the runtime's, but with no user namespace", "[rootfs]") {
    oci::Spec spec = minimal();
    CHECK_FALSE(must(plan_rootfs(spec, {.bundle = "/b"})).shares_mounts);
    spec.linux_.namespaces.clear();
    CHECK(must(plan_rootfs(spec, {.bundle = "/b"})).shares_mounts);
    CHECK(error_of(plan_rootfs(spec, {.bundle = "/b", .new_user_namespace = true})).code == EINVAL);
}

TEST_CASE("sources of binds are opened where the specification's order can be kept, or where they can be reached",
          "[rootfs]") {
    oci::Spec spec = minimal();
    CHECK(must(plan_rootfs(spec, {.bundle = "/b"})).child_opens_sources);
    CHECK_FALSE(must(plan_rootfs(spec, {.bundle = "/b", .new_user_namespace = true})).child_opens_sources);
    spec.linux_.rootfs_propagation = "rslave";
    CHECK(must(plan_rootfs(spec, {.bundle = "/b"})).child_opens_sources);
    spec.linux_.rootfs_propagation = "rshared";
    CHECK_FALSE(must(plan_rootfs(spec, {.bundle = "/b"})).child_opens_sources);
}

TEST_CASE("a path is masked once and the root never", "[rootfs]") {
    oci::Spec spec = minimal();
    spec.linux_.masked_paths = {"/proc/kcore", "/proc//kcore", "/sys/firmware"};
    spec.linux_.readonly_paths = {"/proc/sys", "/"};
    RootfsPlan plan = must(plan_rootfs(spec, {.bundle = "/b"}));
    CHECK(plan.masked_paths == std::vector<std::string>{"/proc/kcore", "/sys/firmware"});
    CHECK(plan.readonly_paths == std::vector<std::string>{"/proc/sys"});
    CHECK(plan.root_read_only);
    spec.linux_.masked_paths = {"/x/.."};
    CHECK(error_of(plan_rootfs(spec, {.bundle = "/b"})).code == EINVAL);
    spec.linux_.masked_paths = {"proc/kcore"};
    CHECK(error_of(plan_rootfs(spec, {.bundle = "/b"})).message ==
          "linux.maskedPaths: \"proc/kcore\" is not an absolute path");
}

TEST_CASE("propagation of the root is recursive when it says so", "[rootfs]") {
    oci::Spec spec = minimal();
    CHECK(must(plan_rootfs(spec, {.bundle = "/b"})).root_propagation == 0);
    spec.linux_.rootfs_propagation = "rshared";
    RootfsPlan plan = must(plan_rootfs(spec, {.bundle = "/b"}));
    CHECK(plan.root_propagation == MS_SHARED);
    CHECK(plan.recursive_propagation);
    spec.linux_.rootfs_propagation = "unbindable";
    plan = must(plan_rootfs(spec, {.bundle = "/b"}));
    CHECK(plan.root_propagation == MS_UNBINDABLE);
    CHECK_FALSE(plan.recursive_propagation);
    spec.linux_.rootfs_propagation = "rrshared";
    CHECK(error_of(plan_rootfs(spec, {.bundle = "/b"})).code == EINVAL);
}

TEST_CASE("the host's /dev is left as it is", "[rootfs]") {
    oci::Spec spec = minimal();
    spec.mounts = {{.destination = "/dev/",
                    .source = "/dev",
                    .type = "bind",
                    .options = {"rbind"},
                    .uid_mappings = {},
                    .gid_mappings = {}}};
    RootfsPlan plan = must(plan_rootfs(spec, {.bundle = "/b"}));
    CHECK(plan.devices.empty());
    CHECK_FALSE(plan.populate_dev);
    CHECK(must(plan_rootfs(minimal(), {.bundle = "/b"})).devices.size() == 6);
}

} // namespace ballast::isolate
