// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/sysctls.h"

#include "tests/unit/agent/pods/pod_fixture.h"

using namespace ballast;
using namespace ballast::agent;
using namespace ballast::agent::tests;

namespace {

std::string forbidden(const std::string &name, const Texts &allowed = {}, const std::string &more = "") {
    return forbidden_sysctl(pod_of("  containers: [{name: a, image: i}]\n  securityContext: {sysctls: [{name: " + name +
                                   ", value: '1'}]}\n" + more),
                            allowed)
        .value_or("");
}

} // namespace

TEST_CASE("a pod may have the settings of the kernel that are safe, and those that the node allows", "[agent]") {
    CHECK(forbidden("net.ipv4.ip_unprivileged_port_start").empty());
    CHECK(forbidden("kernel/shm_rmid_forced").empty());
    CHECK(forbidden("kernel.msgmax") == "\"kernel.msgmax\" not allowlisted");
    CHECK(forbidden("kernel.msgmax", {"kernel.msg*"}).empty());
    CHECK(forbidden("kernel/msgmax", {"kernel/msgmax"}).empty());
    CHECK(forbidden("kernel.shmmax", {"kernel.msg*"}) == "\"kernel.shmmax\" not allowlisted");
    CHECK(forbidden("net.core.somaxconn", {"net.*"}).empty());
    CHECK(forbidden("vm.swappiness", {"net.*"}) == "\"vm.swappiness\" not allowlisted");
}

TEST_CASE("a pod that shares the machine's namespaces has the machine's settings", "[agent]") {
    CHECK(forbidden("net.ipv4.tcp_syncookies", {}, "  hostNetwork: true\n") ==
          "\"net.ipv4.tcp_syncookies\" not allowed with host net enabled");
    CHECK(forbidden("kernel.shm_rmid_forced", {}, "  hostIPC: true\n") ==
          "\"kernel.shm_rmid_forced\" not allowed with host ipc enabled");
    CHECK(forbidden("kernel.shm_rmid_forced", {}, "  hostNetwork: true\n").empty());
}
