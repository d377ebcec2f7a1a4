// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/read_pod.h"

#include "base/json/json_take.h"

namespace ballast::agent {
namespace {

void read_profile(const JsonCursor &from, std::optional<SecurityProfile> &to) {
    if (from.given()) {
        to = SecurityProfile{.type = from.need("type").text(), .localhost_profile = from.at("localhostProfile").text()};
    }
}

void read_selinux(const JsonCursor &from, std::optional<SELinux> &to) {
    if (from.given()) {
        to = SELinux{.user = from.at("user").text(),
                     .role = from.at("role").text(),
                     .type = from.at("type").text(),
                     .level = from.at("level").text()};
    }
}

} // namespace

void read_container_security(const JsonCursor &from, ContainerSecurity &to) {
    const JsonCursor capabilities = from.at("capabilities");
    take(capabilities.at("add"), to.add_capabilities);
    take(capabilities.at("drop"), to.drop_capabilities);
    take(from.at("privileged"), to.privileged);
    take(from.at("readOnlyRootFilesystem"), to.read_only_root);
    take(from.at("allowPrivilegeEscalation"), to.allow_escalation);
    take(from.at("runAsNonRoot"), to.run_as_non_root);
    take(from.at("runAsUser"), to.user);
    take(from.at("runAsGroup"), to.group);
    read_profile(from.at("seccompProfile"), to.seccomp);
    read_profile(from.at("appArmorProfile"), to.apparmor);
    read_selinux(from.at("seLinuxOptions"), to.selinux);
    take(from.at("procMount"), to.proc_mount);
}

void read_pod_security(const JsonCursor &from, PodSecurity &to) {
    take(from.at("runAsUser"), to.user);
    take(from.at("runAsGroup"), to.group);
    take(from.at("fsGroup"), to.fs_group);
    take(from.at("runAsNonRoot"), to.run_as_non_root);
    for (const JsonCursor group : from.at("supplementalGroups").items()) {
        to.supplemental_groups.push_back(group.number<std::int64_t>(0, std::numeric_limits<int>::max()));
    }
    to.strict_groups = from.at("supplementalGroupsPolicy").view() == "Strict";
    to.changes_group_always = from.at("fsGroupChangePolicy").view() != "OnRootMismatch";
    read_profile(from.at("seccompProfile"), to.seccomp);
    read_profile(from.at("appArmorProfile"), to.apparmor);
    read_selinux(from.at("seLinuxOptions"), to.selinux);
    for (const JsonCursor sysctl : from.at("sysctls").items()) {
        to.sysctls.insert_or_assign(sysctl.need("name").text(), sysctl.need("value").text());
    }
}

} // namespace ballast::agent
