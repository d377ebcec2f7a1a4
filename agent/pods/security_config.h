// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/pods/spec.h"
#include "base/result.h"

namespace runtime::v1 {
class LinuxContainerSecurityContext;
class NamespaceOption;
class SELinuxOption;
class SecurityProfile;
} // namespace runtime::v1

namespace ballast::agent {

// Whose user an image's containers are, when their definition does not say.
struct ImageUser {
    std::optional<std::int64_t> number = {};
    std::string name = {};
};

// `profiles`: the directory that Localhost profiles of seccomp are in. EINVAL: a type that is none.
Result<::runtime::v1::SecurityProfile> seccomp_of(const std::optional<SecurityProfile> &profile,
                                                  const std::string &profiles);
Result<::runtime::v1::SecurityProfile> apparmor_of(const SecurityProfile &profile);
void write_namespaces(const Pod &pod, ::runtime::v1::NamespaceOption &to);
void write_selinux(const SELinux &from, ::runtime::v1::SELinuxOption &to);

// A container's security context, of which the pod's is the default. EPERM, in kubelet's words: it must not run as root
// and would.
Status write_security(const Pod &pod, const Container &container, const ImageUser &image,
                      ::runtime::v1::LinuxContainerSecurityContext &to);

inline constexpr const char *kSeccompProfiles = "/var/lib/kubelet/seccomp";

} // namespace ballast::agent
