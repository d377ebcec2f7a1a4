// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "agent/pods/spec.h"

namespace ballast::agent {

// Why a pod does not get the kernel's settings (sysctls) that it asks for, in kubelet's words; nothing: it does.
// Everybody may have those that Kubernetes calls safe: they are of the pod's own namespaces and harm nobody else.
// `allowed`: further names, and beginnings of names with '*' at the end ("kernel.msg*"). A name may have '/' for '.'.
std::optional<std::string> forbidden_sysctl(const Pod &pod, const Texts &allowed);

} // namespace ballast::agent
