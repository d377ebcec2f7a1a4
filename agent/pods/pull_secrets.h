// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "agent/cri_client/pull_credentials.h"
#include "agent/pods/spec.h"
#include "base/result.h"

// Credentials for registries in secrets of Kubernetes, and which of them an image is pulled with.
namespace ballast::agent {

// For whatever is below `place`: "HOST[:PORT][/PATH]", where parts of the host may be patterns ("*.example").
struct RegistryCredentials {
    std::string place = {};
    PullCredentials credentials = {};
};

// What a secret of the type kubernetes.io/dockerconfigjson or kubernetes.io/dockercfg says; nothing for others. EINVAL
// for what is no such document; no message holds anything of it.
Result<std::vector<RegistryCredentials>> read_pull_secret(const TextMap &members);

// Those for an image's registry and repository, what is said of the narrower place first: each is to be tried. As
// kubelet has it, but that a path ends where a component does: those for "a/b" are not for "a/bc".
std::vector<PullCredentials> credentials_for(const std::string &image, const std::vector<RegistryCredentials> &known);

} // namespace ballast::agent
