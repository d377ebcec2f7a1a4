// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/namespaces.h"

#include <sched.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::isolate;
using oci::NamespaceType;

namespace {

oci::Spec with(std::vector<oci::Namespace> namespaces) {
    oci::Spec spec;
    spec.linux_.namespaces = std::move(namespaces);
    return spec;
}

} // namespace

TEST_CASE("new namespaces become flags, the cgroup's own is made later", "[namespaces]") {
    const NamespacePlan plan =
        plan_namespaces(with({{NamespaceType::kPid, ""}, {NamespaceType::kMount, ""}, {NamespaceType::kCgroup, ""}}));
    CHECK(plan.new_flags == (CLONE_NEWPID | CLONE_NEWNS));
    CHECK(plan.new_cgroup);
    CHECK(plan.joins.empty());
    CHECK_FALSE(plan.needs_intermediate());
}

TEST_CASE("a user namespace is joined first and a mount namespace last", "[namespaces]") {
    const NamespacePlan plan = plan_namespaces(
        with({{NamespaceType::kMount, "/m"}, {NamespaceType::kNetwork, "/n"}, {NamespaceType::kUser, "/u"}}));
    REQUIRE(plan.joins.size() == 3);
    CHECK(plan.joins.front().name == "user");
    CHECK(plan.joins.back().name == "mnt");
    CHECK(plan.needs_intermediate());
    CHECK(plan.joins_any(CLONE_NEWNET));
    CHECK_FALSE(plan.joins_any(CLONE_NEWPID));
}

TEST_CASE("what holds for children only needs a process in between", "[namespaces]") {
    CHECK(plan_namespaces(with({{NamespaceType::kPid, "/p"}})).needs_intermediate());
    CHECK_FALSE(plan_namespaces(with({{NamespaceType::kNetwork, "/n"}})).needs_intermediate());
    oci::Spec spec = with({{NamespaceType::kTime, ""}});
    CHECK_FALSE(plan_namespaces(spec).needs_intermediate());
    spec.linux_.boottime_offset = oci::TimeOffset{.seconds = -5, .nanoseconds = 7};
    const NamespacePlan plan = plan_namespaces(spec);
    CHECK(plan.needs_intermediate());
    CHECK(plan.time_offsets == "boottime -5 7\n");
}

TEST_CASE("a path to join must be a namespace, and of the right kind", "[namespaces]") {
    NamespacePlan none = plan_namespaces(with({{NamespaceType::kIpc, "/dev/null"}}));
    CHECK(error_of(open_namespaces(none)).message.contains("is not a namespace"));
    NamespacePlan other = plan_namespaces(with({{NamespaceType::kIpc, "/proc/self/ns/uts"}}));
    CHECK(error_of(open_namespaces(other)).message.contains("of the kind uts, not ipc"));
    NamespacePlan missing = plan_namespaces(with({{NamespaceType::kIpc, "/nosuch"}}));
    CHECK(error_of(open_namespaces(missing)).code == ENOENT);
    NamespacePlan good = plan_namespaces(with({{NamespaceType::kIpc, "/proc/self/ns/ipc"}}));
    must(open_namespaces(good));
    CHECK(good.joins[0].fd.is_open());
}
