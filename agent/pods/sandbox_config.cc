// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/sandbox_config.h"

#include <runtime/v1/api.pb.h>

#include "agent/cri_client/labels.h"
#include "agent/pods/security_config.h"
#include "base/quote.h"
#include "base/sysctl_name.h"

namespace ballast::agent {
namespace {

namespace cri = ::runtime::v1;

Result<cri::Protocol> protocol_of(const std::string &name) {
    if (name == "TCP") {
        return cri::TCP;
    }
    if (name == "UDP") {
        return cri::UDP;
    }
    return name == "SCTP" ? Result<cri::Protocol>(cri::SCTP)
                          : fail(EINVAL, "protocol " + quote(name) + ": want TCP, UDP or SCTP");
}

Status write_ports(const Pod &pod, cri::PodSandboxConfig &to) {
    for (const Container *container : all_containers(pod)) {
        for (const Port &port : container->ports) {
            if (port.host == 0 || pod.host_network) {
                continue;
            }
            cri::PortMapping &mapping = *to.add_port_mappings();
            mapping.set_protocol(TRY(protocol_of(port.protocol)));
            mapping.set_container_port(port.container);
            mapping.set_host_port(port.host);
            mapping.set_host_ip(port.host_address);
        }
    }
    return {};
}

Status write_security(const Pod &pod, cri::LinuxSandboxSecurityContext &to) {
    write_namespaces(pod, *to.mutable_namespace_options());
    for (const Container *container : all_containers(pod)) {
        to.set_privileged(to.privileged() || container->security.privileged.value_or(false));
    }
    if (pod.security.user) {
        to.mutable_run_as_user()->set_value(*pod.security.user);
    }
    if (pod.security.group) {
        to.mutable_run_as_group()->set_value(*pod.security.group);
        if (!to.has_run_as_user()) {
            to.mutable_run_as_user()->set_value(0); // a group takes a user
        }
    }
    to.mutable_supplemental_groups()->Add(pod.security.supplemental_groups.begin(),
                                          pod.security.supplemental_groups.end());
    if (pod.security.fs_group) {
        to.add_supplemental_groups(*pod.security.fs_group);
    }
    if (pod.security.selinux) {
        write_selinux(*pod.security.selinux, *to.mutable_selinux_options());
    }
    // The pause process is the runtime's own: its default profile, whatever the pod's programs need.
    to.mutable_seccomp()->set_profile_type(cri::SecurityProfile::RuntimeDefault);
    return {};
}

} // namespace

std::string log_directory_name(const Pod &pod) { return pod.name_space + "_" + pod.name + "_" + pod.uid; }

Result<cri::PodSandboxConfig> sandbox_config(const Pod &pod, const SandboxInputs &inputs) {
    cri::PodSandboxConfig to;
    to.mutable_metadata()->set_name(pod.name);
    to.mutable_metadata()->set_namespace_(pod.name_space);
    to.mutable_metadata()->set_uid(pod.uid);
    to.mutable_metadata()->set_attempt(inputs.attempt);
    to.mutable_labels()->insert(pod.labels.begin(), pod.labels.end());
    (*to.mutable_labels())[labels::kPodName] = pod.name;
    (*to.mutable_labels())[labels::kPodNamespace] = pod.name_space;
    (*to.mutable_labels())[labels::kPodUid] = pod.uid;
    to.mutable_annotations()->insert(pod.annotations.begin(), pod.annotations.end());
    if (!pod.host_network) {
        to.set_hostname(inputs.hostname);
    }
    to.set_log_directory(inputs.log_directory);
    to.mutable_dns_config()->mutable_servers()->Add(inputs.dns.servers.begin(), inputs.dns.servers.end());
    to.mutable_dns_config()->mutable_searches()->Add(inputs.dns.searches.begin(), inputs.dns.searches.end());
    to.mutable_dns_config()->mutable_options()->Add(inputs.dns.options.begin(), inputs.dns.options.end());
    TRY(write_ports(pod, to));
    to.mutable_linux()->set_cgroup_parent(inputs.cgroup_parent);
    for (const auto &[name, value] : pod.security.sysctls) {
        (*to.mutable_linux()->mutable_sysctls())[dotted_sysctl(name)] = value; // runtimes know no other form
    }
    TRY(write_security(pod, *to.mutable_linux()->mutable_security_context()));
    return to;
}

} // namespace ballast::agent
