// SPDX-License-Identifier: Apache-2.0
#include "agent/config/kubelet_config.h"

#include <algorithm>
#include <array>
#include <format>
#include <limits>

#include "agent/config/fields.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr const char *kVersion = "kubelet.config.k8s.io/v1beta1";
constexpr const char *kKind = "KubeletConfiguration";

// Fields of Kubernetes 1.34 that have no effect here. A value that says nothing is no reason for a word.
constexpr std::array kWithoutEffect = std::to_array<std::string_view>({
    "cgroupRoot",
    "configMapAndSecretChangeDetectionStrategy",
    "contentType",
    "cpuManagerPolicy",
    "cpuManagerPolicyOptions",
    "cpuManagerReconcilePeriod",
    "enableContentionProfiling",
    "enableControllerAttachDetach",
    "enableDebugFlagsHandler",
    "enableDebuggingHandlers",
    "enableProfilingHandler",
    "enableSystemLogHandler",
    "enableSystemLogQuery",
    "eventBurst",
    "eventRecordQPS",
    "evictionMaxPodGracePeriod",
    "evictionMinimumReclaim",
    "evictionPressureTransitionPeriod",
    "evictionSoft",
    "evictionSoftGracePeriod",
    "failCgroupV1",
    "failSwapOn",
    "featureGates",
    "hairpinMode",
    "httpCheckFrequency",
    "imagePullCredentialsVerificationPolicy",
    "imageServiceEndpoint",
    "iptablesDropBit",
    "iptablesMasqueradeBit",
    "kernelMemcgNotification",
    "kubeAPIBurst",
    "kubeAPIQPS",
    "kubeReservedCgroup",
    "kubeletCgroups",
    "localStorageCapacityIsolation",
    "makeIPTablesUtilChains",
    "maxOpenFiles",
    "memoryManagerPolicy",
    "memorySwap",
    "memoryThrottlingFactor",
    "nodeLeaseDurationSeconds",
    "nodeStatusMaxImages",
    "nodeStatusReportFrequency",
    "nodeStatusUpdateFrequency",
    "oomScoreAdj",
    "podCIDR",
    "podsPerCore",
    "preloadedImagesVerificationAllowlist",
    "protectKernelDefaults",
    "qosReserved",
    "registryBurst",
    "registryPullQPS",
    "reservedMemory",
    "runOnce",
    "showHiddenMetricsForVersion",
    "singleProcessOOMKill",
    "staticPodURL",
    "staticPodURLHeader",
    "streamingConnectionIdleTimeout",
    "systemCgroups",
    "systemReservedCgroup",
    "tlsCipherSuites",
    "tlsMinVersion",
    "topologyManagerPolicy",
    "topologyManagerPolicyOptions",
    "topologyManagerScope",
    "tracing",
    "userNamespaces",
    "volumePluginDir",
    "volumeStatsAggPeriod",
});

Status ignore(const YamlNode &) { return {}; }

Field taints_field(std::vector<Taint> &to) {
    return {"registerWithTaints", [&to](const YamlNode &value) -> Status {
                for (const YamlNode &item : TRY(value.items())) {
                    Taint &taint = to.emplace_back();
                    const std::array fields = {text_field("key", taint.key), text_field("value", taint.value),
                                               text_field("effect", taint.effect), Field{"timeAdded", ignore}};
                    TRY(object_field("taint", {fields.begin(), fields.end()}).read(item));
                    if (!is_qualified_name(taint.key) || !is_taint_effect(taint.effect)) {
                        return wrong(item,
                                     "a taint has a key and an effect: NoSchedule, PreferNoSchedule or NoExecute");
                    }
                }
                return {};
            }};
}

Field rotation_field(std::optional<bool> &to) {
    constexpr const char *kName = "rotateCertificates";
    return {kName, [&to](const YamlNode &value) { return flag_field(kName, to.emplace()).read(value); }};
}

Field logging_field(KubeletConfig &config) {
    return object_field("logging", {{"format", ignore},
                                    {"flushFrequency", ignore},
                                    {"vmodule", ignore},
                                    {"options", ignore},
                                    number_field("verbosity", config.verbosity, 0, 100)});
}

std::vector<Field> fields_of(KubeletConfig &config) {
    constexpr long long kMost = std::numeric_limits<int>::max();
    std::vector<Field> fields = {
        {"apiVersion", ignore},
        {"kind", ignore},
        text_field("staticPodPath", config.static_pod_path),
        duration_field("fileCheckFrequency", config.file_check_frequency),
        text_field("containerRuntimeEndpoint", config.runtime_endpoint),
        duration_field("runtimeRequestTimeout", config.runtime_request_timeout),
        flag_field("serializeImagePulls", config.serialize_image_pulls),
        number_field("maxParallelImagePulls", config.most_parallel_pulls, 1, kMost),
        texts_field("clusterDNS", config.cluster_dns),
        texts_field("allowedUnsafeSysctls", config.allowed_sysctls),
        text_field("clusterDomain", config.cluster_domain),
        text_field("resolvConf", config.resolv_conf),
        flag_field("cgroupsPerQOS", config.cgroups_per_qos),
        word_field("cgroupDriver", config.cgroup_driver, {"systemd", "cgroupfs"}),
        flag_field("cpuCFSQuota", config.cpu_cfs_quota),
        duration_field("cpuCFSQuotaPeriod", config.cpu_cfs_period),
        number_field("podPidsLimit", config.pod_pids_limit, -1, std::numeric_limits<long long>::max()),
        number_field("maxPods", config.most_pods, 0, kMost),
        duration_field("syncFrequency", config.sync_frequency),
        object_field("crashLoopBackOff", {duration_field("maxContainerRestartPeriod", config.most_restart_period)}),
        text_field("podLogsDir", config.pod_logs),
        flag_field("registerNode", config.register_node),
        taints_field(config.taints),
        text_field("providerID", config.provider_id),
        rotation_field(config.rotate_certificates),
        logging_field(config),
        flag_field("seccompDefault", config.seccomp_default),
    };
    std::ranges::move(reservation_fields(config.reservation), std::back_inserter(fields));
    std::ranges::move(server_fields(config.server), std::back_inserter(fields));
    std::ranges::move(shutdown_fields(config.shutdown), std::back_inserter(fields));
    std::ranges::move(upkeep_fields(config.upkeep), std::back_inserter(fields));
    return fields;
}

Status check_kind(const YamlNode &root) {
    for (const auto &[key, wanted] : {std::pair("apiVersion", kVersion), std::pair("kind", kKind)}) {
        if (TRY(root.string(key)) != wanted) {
            return wrong(TRY(root.at(key)), std::format("\"{}\" must be {}", key, wanted));
        }
    }
    return {};
}

Status check_values(const YamlNode &root, const KubeletConfig &config) {
    if (config.cgroup_driver != "systemd") {
        return wrong(TRY(root.at("cgroupDriver")),
                     "\"cgroupDriver\" must be systemd: systemd owns this machine's cgroups");
    }
    if (!config.static_pod_path.empty() && !config.static_pod_path.starts_with('/')) {
        return wrong(TRY(root.at("staticPodPath")), "\"staticPodPath\" must be an absolute path");
    }
    if (root.has("containerRuntimeEndpoint") && !config.runtime_endpoint.empty()) {
        if (const auto socket = socket_of(config.runtime_endpoint); !socket.has_value()) {
            return wrong(TRY(root.at("containerRuntimeEndpoint")), socket.error().message);
        }
    }
    for (const Status &part : {check(config.server), check(config.shutdown), check(config.upkeep)}) {
        if (!part.has_value()) {
            return wrong(root, part.error().message);
        }
    }
    constexpr auto kMostRestartPeriod = std::chrono::minutes(5);
    if (config.most_restart_period < std::chrono::seconds(1) || config.most_restart_period > kMostRestartPeriod) {
        return wrong(TRY(root.at("crashLoopBackOff")), "\"maxContainerRestartPeriod\" must be from 1s to 5m");
    }
    return {};
}

Result<KubeletConfig> read_config(const YamlNode &root) {
    KubeletConfig config;
    TRY(check_kind(root));
    const std::vector<Field> fields = fields_of(config);
    TRY(read_fields(root, fields, [&](const std::string &name, const YamlNode &value) -> Status {
        if (std::ranges::contains(kWithoutEffect, name)) {
            if (!is_empty(value)) {
                config.warnings.push_back(std::format("{}: \"{}\" has no effect here", value.where(), name));
            }
            return {};
        }
        std::vector<std::string_view> known(kWithoutEffect.begin(), kWithoutEffect.end());
        std::ranges::transform(fields, std::back_inserter(known), &Field::name);
        return std::unexpected(unknown_field(value, name, known));
    }));
    if (config.runtime_endpoint.empty()) {
        config.runtime_endpoint = kDefaultRuntimeEndpoint;
    }
    if (std::ranges::any_of(config.reservation.enforced, [](const auto &word) { return word.contains('-'); })) {
        config.warnings.push_back(TRY(root.at("enforceNodeAllocatable")).where() +
                                  ": \"enforceNodeAllocatable\": only pods are held to what is left for them");
    }
    TRY(check_values(root, config));
    return config;
}

} // namespace

Result<KubeletConfig> load_kubelet_config(const std::filesystem::path &file) {
    return read_config(TRY(YamlNode::load(file)));
}

Result<KubeletConfig> parse_kubelet_config(const std::string &text, const std::string &name) {
    return read_config(TRY(YamlNode::parse(text, name)));
}

Result<std::filesystem::path> socket_of(const std::string &endpoint) {
    constexpr std::string_view kScheme = "unix://";
    const std::string path = endpoint.starts_with(kScheme) ? endpoint.substr(kScheme.size()) : endpoint;
    if (!path.starts_with('/')) {
        return fail(ENOTSUP, "container runtime endpoint " + quote(endpoint) + ": want unix:///PATH");
    }
    return std::filesystem::path(path);
}

} // namespace ballast::agent
