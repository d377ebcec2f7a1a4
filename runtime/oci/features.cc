// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/features.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "runtime/oci/spec_names.h"

namespace ballast::oci {
namespace {

using Json = nlohmann::ordered_json;

Json names_of(NameTable table) {
    Json names = Json::array();
    for (const NamedNumber &entry : table) {
        names.push_back(entry.name);
    }
    return names;
}

Json sorted(std::vector<std::string> names) {
    std::ranges::sort(names);
    return names;
}

Json seccomp_features(const FeatureLists &lists) {
    Json seccomp;
    seccomp["enabled"] = true;
    seccomp["actions"] = names_of(seccomp_actions());
    seccomp["operators"] = names_of(seccomp_operators());
    seccomp["archs"] = names_of(seccomp_architectures());
    seccomp["knownFlags"] = names_of(seccomp_flags());
    seccomp["supportedFlags"] = sorted(lists.supported_seccomp_flags);
    return seccomp;
}

Json linux_features(const FeatureLists &lists) {
    const Json enabled = {{"enabled", true}};
    Json features;
    features["namespaces"] = names_of(namespace_names());
    features["capabilities"] = capability_names();
    features["cgroup"] = {{"v1", false}, {"v2", true}, {"systemd", true}, {"systemdUser", true}, {"rdma", true}};
    features["seccomp"] = seccomp_features(lists);
    features["apparmor"] = enabled;
    features["selinux"] = enabled;
    features["intelRdt"] = {{"enabled", true}, {"schemata", true}, {"monitoring", true}};
    features["memoryPolicy"]["modes"] = names_of(memory_policy_modes());
    features["memoryPolicy"]["flags"] = names_of(memory_policy_flags());
    features["mountExtensions"]["idmap"] = enabled;
    features["netDevices"] = enabled;
    return features;
}

} // namespace

std::string features_json(const FeatureLists &lists) {
    Json features;
    features["ociVersionMin"] = kOldestSpecVersion;
    features["ociVersionMax"] = kNewestSpecVersion;
    features["hooks"] = names_of(hook_names());
    features["mountOptions"] = sorted(lists.mount_options);
    features["linux"] = linux_features(lists);
    features["annotations"] = lists.annotations;
    features["potentiallyUnsafeConfigAnnotations"] = sorted(lists.potentially_unsafe_annotations);
    constexpr int kIndent = 4;
    return features.dump(kIndent, ' ', false, Json::error_handler_t::replace) + "\n";
}

} // namespace ballast::oci
