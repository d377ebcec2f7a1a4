// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/sysctl.h"

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

oci::Spec with(const std::string &name, const std::string &value = "1") {
    oci::Spec spec;
    spec.linux_.namespaces = {
        {oci::NamespaceType::kIpc, ""}, {oci::NamespaceType::kNetwork, ""}, {oci::NamespaceType::kUts, ""}};
    spec.linux_.sysctl[name] = value;
    return spec;
}

} // namespace

TEST_CASE("parameters of the container's namespaces are planned as files", "[sysctl]") {
    CHECK(must(plan_sysctls(with("net.ipv4.ip_forward"))) == std::vector<Sysctl>{{"net/ipv4/ip_forward", "1"}});
    CHECK(must(plan_sysctls(with("net/ipv4/conf/eth0.100/forwarding")))[0].first ==
          "net/ipv4/conf/eth0.100/forwarding");
    CHECK(must(plan_sysctls(with("net.ipv4.conf.eth0/100.forwarding")))[0].first ==
          "net/ipv4/conf/eth0.100/forwarding");
    CHECK(must(plan_sysctls(with("kernel.shmmax")))[0].first == "kernel/shmmax");
    CHECK(must(plan_sysctls(with("fs.mqueue.msg_max")))[0].first == "fs/mqueue/msg_max");
    CHECK(must(plan_sysctls(with("net.ipv4.ping_group_range", "0\t100")))[0].second == "0\t100");
}

TEST_CASE("parameters of the host are refused", "[sysctl]") {
    for (const char *name : {"kernel.panic", "vm.swappiness", "fs.file-max", "kernel.core_pattern", "kernel.shmmaxx",
                             "kernel/../net/x", "net/../kernel/core_pattern", "net..x", "", "net.", "/net/x",
                             "user.max_user_namespaces", "kernel.hostname", "net/ipv4/a\nb"}) {
        INFO(name);
        CHECK(error_of(plan_sysctls(with(name))).code == EINVAL);
    }
}

TEST_CASE("without the namespace its parameters are the host's", "[sysctl]") {
    for (const char *name : {"net.ipv4.ip_forward", "kernel.msgmax", "kernel.domainname"}) {
        oci::Spec spec = with(name);
        spec.linux_.namespaces.clear();
        CHECK(error_of(plan_sysctls(spec)).message.contains("no "));
    }
}

TEST_CASE("a value with control characters is not smuggled in", "[sysctl]") {
    CHECK(error_of(plan_sysctls(with("kernel.shmmax", "1\nkernel.core_pattern=|/x"))).message ==
          "linux.sysctl: kernel.shmmax: control character in the value");
}

TEST_CASE("the domain name is given once", "[sysctl]") {
    oci::Spec spec = with("kernel.domainname", "a");
    CHECK(plan_sysctls(spec).has_value());
    spec.domainname = "b";
    CHECK(error_of(plan_sysctls(spec)).message.ends_with("contradicts the property domainname"));
}

} // namespace ballast::isolate
