// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/security_config.h"

#include <array>
#include <format>
#include <runtime/v1/api.pb.h>

#include "base/quote.h"

namespace ballast::agent {
namespace {

namespace cri = ::runtime::v1;

constexpr auto kMasked =
    std::to_array<const char *>({"/proc/asound", "/proc/acpi", "/proc/interrupts", "/proc/kcore", "/proc/keys",
                                 "/proc/latency_stats", "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug",
                                 "/proc/scsi", "/sys/firmware", "/sys/devices/virtual/powercap"});
constexpr auto kReadOnly =
    std::to_array<const char *>({"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger"});

template <typename T>
const std::optional<T> &either(const std::optional<T> &own, const std::optional<T> &otherwise) {
    return own.has_value() ? own : otherwise;
}

Status check_non_root(const Pod &pod, const Container &container, const ImageUser &image) {
    if (!either(container.security.run_as_non_root, pod.security.run_as_non_root).value_or(false)) {
        return {};
    }
    const std::string who =
        std::format("(pod: \"{}_{}({})\", container: {})", pod.name, pod.name_space, pod.uid, container.name);
    if (const auto user = either(container.security.user, pod.security.user)) {
        return *user != 0 ? Status() : fail(EPERM, "container's runAsUser breaks non-root policy " + who);
    }
    if (image.number) {
        return *image.number != 0 ? Status()
                                  : fail(EPERM, "container has runAsNonRoot and image will run as root " + who);
    }
    return image.name.empty() || image.name == "root"
               ? fail(EPERM, "container has runAsNonRoot and image will run as root " + who)
               : fail(EPERM,
                      std::format("container has runAsNonRoot and image has non-numeric user ({}), cannot verify "
                                  "user is non-root {}",
                                  image.name, who));
}

void write_users(const Pod &pod, const Container &container, const ImageUser &image,
                 cri::LinuxContainerSecurityContext &to) {
    if (const auto user = either(container.security.user, pod.security.user)) {
        to.mutable_run_as_user()->set_value(*user);
    } else if (image.number) {
        to.mutable_run_as_user()->set_value(*image.number);
    } else {
        to.set_run_as_username(image.name);
    }
    if (const auto group = either(container.security.group, pod.security.group)) {
        to.mutable_run_as_group()->set_value(*group);
        if (!to.has_run_as_user() && to.run_as_username().empty()) {
            to.mutable_run_as_user()->set_value(0);
        }
    }
    for (const std::int64_t group : pod.security.supplemental_groups) {
        to.add_supplemental_groups(group);
    }
    if (pod.security.fs_group) {
        to.add_supplemental_groups(*pod.security.fs_group);
    }
    to.set_supplemental_groups_policy(pod.security.strict_groups ? cri::Strict : cri::Merge);
}

} // namespace

Result<cri::SecurityProfile> seccomp_of(const std::optional<SecurityProfile> &profile, const std::string &profiles) {
    cri::SecurityProfile to;
    to.set_profile_type(cri::SecurityProfile::Unconfined); // what Kubernetes has where nothing is said
    if (!profile || profile->type == "Unconfined") {
        return to;
    }
    if (profile->type == "RuntimeDefault") {
        to.set_profile_type(cri::SecurityProfile::RuntimeDefault);
        return to;
    }
    const std::string &name = profile->localhost_profile;
    if (profile->type != "Localhost" || name.empty() || name.starts_with('/') || name.contains("..")) {
        return fail(EINVAL,
                    "seccompProfile: want RuntimeDefault, Unconfined, or Localhost with a path below " + profiles);
    }
    to.set_profile_type(cri::SecurityProfile::Localhost);
    to.set_localhost_ref(profiles + "/" + name);
    return to;
}

Result<cri::SecurityProfile> apparmor_of(const SecurityProfile &profile) {
    cri::SecurityProfile to;
    if (profile.type == "RuntimeDefault") {
        return to; // RuntimeDefault
    }
    if (profile.type == "Unconfined") {
        to.set_profile_type(cri::SecurityProfile::Unconfined);
        return to;
    }
    if (profile.type != "Localhost" || profile.localhost_profile.empty()) {
        return fail(EINVAL, "appArmorProfile: want RuntimeDefault, Unconfined, or Localhost with a profile's name");
    }
    to.set_profile_type(cri::SecurityProfile::Localhost);
    to.set_localhost_ref(profile.localhost_profile);
    return to;
}

void write_namespaces(const Pod &pod, cri::NamespaceOption &to) {
    to.set_network(pod.host_network ? cri::NODE : cri::POD);
    to.set_ipc(pod.host_ipc ? cri::NODE : cri::POD);
    to.set_pid(pod.host_pid ? cri::NODE : pod.share_processes ? cri::POD : cri::CONTAINER);
}

void write_selinux(const SELinux &from, cri::SELinuxOption &to) {
    to.set_user(from.user);
    to.set_role(from.role);
    to.set_type(from.type);
    to.set_level(from.level);
}

Status write_security(const Pod &pod, const Container &container, const ImageUser &image,
                      cri::LinuxContainerSecurityContext &to) {
    TRY(check_non_root(pod, container, image));
    const ContainerSecurity &security = container.security;
    const bool privileged = security.privileged.value_or(false);
    to.set_privileged(privileged);
    to.set_readonly_rootfs(security.read_only_root.value_or(false));
    to.set_no_new_privs(!security.allow_escalation.value_or(true));
    for (const std::string &name : security.add_capabilities) {
        to.mutable_capabilities()->add_add_capabilities(name);
    }
    for (const std::string &name : security.drop_capabilities) {
        to.mutable_capabilities()->add_drop_capabilities(name);
    }
    write_namespaces(pod, *to.mutable_namespace_options());
    write_users(pod, container, image, to);
    if (const auto selinux = either(security.selinux, pod.security.selinux)) {
        write_selinux(*selinux, *to.mutable_selinux_options());
    }
    *to.mutable_seccomp() = TRY(seccomp_of(either(security.seccomp, pod.security.seccomp), kSeccompProfiles));
    if (const auto apparmor = either(security.apparmor, pod.security.apparmor)) { // else as the runtime does it
        *to.mutable_apparmor() = TRY(apparmor_of(*apparmor));
    }
    if (security.proc_mount != "Unmasked" && !privileged) {
        to.mutable_masked_paths()->Add(kMasked.begin(), kMasked.end());
        to.mutable_readonly_paths()->Add(kReadOnly.begin(), kReadOnly.end());
    }
    return {};
}

} // namespace ballast::agent
