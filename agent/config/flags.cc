// SPDX-License-Identifier: Apache-2.0
#include "agent/config/flags.h"

#include <CLI/CLI.hpp>
#include <array>
#include <cctype>
#include <optional>
#include <sstream>
#include <unistd.h>

#include "agent/config/comma_list.h"
#include "agent/config/duration.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

// Flags that documents written for kubelet hold and that have no effect here. All of them take a value; those of truth
// may stand without.
constexpr std::array kWithoutEffect = std::to_array<const char *>({
    "--cgroup-root",
    "--cloud-config",
    "--config-dir",
    "--container-runtime",
    "--cpu-manager-policy",
    "--event-burst",
    "--event-qps",
    "--eviction-minimum-reclaim",
    "--eviction-soft",
    "--eviction-soft-grace-period",
    "--feature-gates",
    "--hairpin-mode",
    "--image-credential-provider-bin-dir",
    "--image-credential-provider-config",
    "--image-service-endpoint",
    "--kube-api-burst",
    "--kube-api-qps",
    "--kubelet-cgroups",
    "--logging-format",
    "--max-open-files",
    "--maximum-dead-containers",
    "--maximum-dead-containers-per-container",
    "--minimum-container-ttl-duration",
    "--network-plugin",
    "--node-status-update-frequency",
    "--oom-score-adj",
    "--pod-cidr",
    "--pod-infra-container-image",
    "--registry-burst",
    "--registry-qps",
    "--runtime-cgroups",
    "--streaming-connection-idle-timeout",
    "--system-cgroups",
    "--tls-cipher-suites",
    "--tls-min-version",
    "--topology-manager-policy",
    "--volume-plugin-dir",
});
constexpr std::array kFlagsWithoutEffect = std::to_array<const char *>({
    "--enable-controller-attach-detach",
    "--enable-debugging-handlers",
    "--fail-swap-on",
    "--make-iptables-util-chains",
    "--protect-kernel-defaults",
    "--runonce",
});

// Where kubeadm writes them, and operators.
constexpr const char *kUsualConfig = "/var/lib/kubelet/config.yaml";
constexpr const char *kUsualManifests = "/etc/kubernetes/manifests";

// What the command line says; empty: nothing.
struct Said {
    Options options;
    std::string endpoint, node_labels, taints, addresses, cluster_dns, allowed_sysctls, request_timeout, cloud_provider;
    std::string cluster_domain, resolv_conf, cgroup_driver, static_pods, provider_id, logs;
    std::string address, health_address, certificate, key, authorities, authorization, token_time;
    std::optional<bool> cgroups_per_qos, cpu_quota, register_node, serialize_pulls, anonymous, tokens, serves, rotates,
        cluster_signs, seccomp_default;
    std::optional<long long> most_pods, pids_limit, port, health_port, read_only_port;
    std::string log_size, image_least_age, kube_reserved, system_reserved, processors, enforced;
    std::optional<std::string> eviction;
    std::optional<long long> log_files, image_high, image_low;
    long long verbosity = 0;
    std::vector<std::string> ignored;
    bool version = false;
};

void add_without_effect(CLI::App &app, Said &said) {
    for (const char *name : kWithoutEffect) {
        app.add_option_function<std::string>(
            name, [&said, name](const std::string &) { said.ignored.emplace_back(name); }, "has no effect here");
    }
    for (const char *name : kFlagsWithoutEffect) {
        app.add_flag_function(
            name, [&said, name](std::int64_t) { said.ignored.emplace_back(name); }, "has no effect here");
    }
}

void add_options(CLI::App &app, Said &said) {
    Options &options = said.options;
    app.add_flag("--version", said.version, "print the version of Kubernetes that this is a node for");
    app.add_option("--config", options.config_file, "a file with a KubeletConfiguration");
    app.add_option("--kubeconfig", options.kubeconfig, "how the API server is reached; without it there is no cluster");
    app.add_option("--bootstrap-kubeconfig", options.bootstrap_kubeconfig, "how a new node asks for its certificate");
    app.add_option("--root-dir", options.root_directory, "where the files of pods are");
    app.add_option("--cert-dir", options.certificates, "where certificates are");
    app.add_flag("--rotate-certificates", said.rotates, "renew the certificate by which the API server is asked");
    app.add_option("--hostname-override", options.node_name, "the node's name in place of the machine's");
    app.add_option("--node-ip", said.addresses, "the node's address, or two with a comma in between");
    app.add_option("--node-labels", said.node_labels, "KEY=VALUE,... of the node when it registers");
    app.add_option("--register-with-taints", said.taints, "KEY=VALUE:EFFECT,... of the node when it registers");
    app.add_flag("--register-node", said.register_node, "make the Node object");
    app.add_option("--provider-id", said.provider_id, "what the cloud calls this machine");
    app.add_option("--cloud-provider", said.cloud_provider, "external, or nothing");
    app.add_option("--container-runtime-endpoint", said.endpoint, "the container runtime's socket, unix:///PATH");
    app.add_option("--runtime-request-timeout", said.request_timeout, "how long the container runtime may take");
    app.add_option("--pod-manifest-path", said.static_pods, "manifests of static pods");
    app.add_option("--cluster-dns", said.cluster_dns, "addresses of the cluster's name servers");
    app.add_option("--allowed-unsafe-sysctls", said.allowed_sysctls, "NAME,BEGINNING*,... that pods may set");
    app.add_option("--cluster-domain", said.cluster_domain, "the cluster's domain");
    app.add_option("--resolv-conf", said.resolv_conf, "the resolver's file that pods get");
    app.add_option("--cgroup-driver", said.cgroup_driver, "systemd");
    app.add_flag("--cgroups-per-qos", said.cgroups_per_qos, "a slice for every pod, below those of their classes");
    app.add_flag("--cpu-cfs-quota", said.cpu_quota, "enforce limits of CPU");
    app.add_flag("--seccomp-default", said.seccomp_default, "pods that say nothing have the runtime's filter");
    app.add_flag("--serialize-image-pulls", said.serialize_pulls, "pull one image after the other");
    app.add_option("--max-pods", said.most_pods, "how many pods may be here");
    app.add_option("--pod-max-pids", said.pids_limit, "how many processes a pod may have");
    app.add_option("--pod-logs-dir", said.logs, "where containers' logs are");
    app.add_option("-v,--v", said.verbosity, "how much is logged");
}

void add_reservation_options(CLI::App &app, Said &said) {
    app.add_option("--kube-reserved", said.kube_reserved, "cpu=500m,memory=1Gi,... that pods do not get");
    app.add_option("--system-reserved", said.system_reserved, "the same");
    app.add_option("--reserved-cpus", said.processors, "0-1,3: so many are kept in place of what those say of cpu");
    app.add_option("--eviction-hard", said.eviction, "memory.available<100Mi,...: the machine is short of it");
    app.add_option("--enforce-node-allocatable", said.enforced, "pods: they are held to what is left; none");
}

void add_server_options(CLI::App &app, Said &said) {
    app.add_option("--address", said.address, "where it is asked about its pods");
    app.add_option("--port", said.port, "the same")->check(CLI::Range(1, 65535));
    app.add_option("--healthz-bind-address", said.health_address, "where /healthz is answered without TLS");
    app.add_option("--healthz-port", said.health_port, "the same; 0: nowhere")->check(CLI::Range(0, 65535));
    app.add_option("--read-only-port", said.read_only_port, "0");
    app.add_option("--tls-cert-file", said.certificate, "the certificate that it shows");
    app.add_option("--tls-private-key-file", said.key, "its key");
    app.add_flag("--rotate-server-certificates", said.cluster_signs, "have it signed by the cluster, and renewed");
    app.add_option("--client-ca-file", said.authorities, "whose certificates clients show");
    app.add_option("--authorization-mode", said.authorization, "Webhook: the API server says who may do what");
    app.add_option("--authentication-token-webhook-cache-ttl", said.token_time, "how long a token that it knows holds");
    app.add_flag("--authentication-token-webhook", said.tokens, "clients show tokens of the cluster");
    app.add_flag("--anonymous-auth", said.anonymous, "false");
    app.add_flag("--enable-server", said.serves, "answer at --port");
}

void add_upkeep_options(CLI::App &app, Said &said) {
    app.add_option("--container-logs-dir", said.options.container_logs, "where links to containers' logs are");
    app.add_option("--container-log-max-size", said.log_size, "a log that is larger is turned");
    app.add_option("--container-log-max-files", said.log_files, "how many logs a container has");
    app.add_option("--image-gc-high-threshold", said.image_high, "percent of the disk from which on images go");
    app.add_option("--image-gc-low-threshold", said.image_low, "percent of the disk until which they go");
    app.add_option("--minimum-image-ttl-duration", said.image_least_age, "how long an image stays in any case");
}

Status take_time(const std::string &from, const char *flag, std::chrono::nanoseconds &to) {
    const auto time = parse_duration(from);
    if (!from.empty() && !time) {
        return fail(EINVAL, std::string(flag) + ": want a time like 2m, not " + quote(from));
    }
    to = from.empty() ? to : *time;
    return {};
}

template <typename T>
void take_value(const std::optional<T> &from, T &to) {
    to = from.value_or(to);
}
void take_text(const std::string &from, std::string &to) { to = from.empty() ? to : from; }

// Kubernetes' names are in lower case.
Result<std::string> name_of_machine() {
    std::string name(256, '\0');
    if (::gethostname(name.data(), name.size()) != 0) {
        return fail_errno("gethostname");
    }
    name.resize(name.find('\0'));
    std::ranges::transform(name, name.begin(), [](unsigned char c) { return std::tolower(c); });
    return name;
}

Status take_server_values(const Said &said, ServerConfig &server) {
    take_text(said.address, server.address);
    take_text(said.health_address, server.health_address);
    take_text(said.certificate, server.certificate);
    take_text(said.key, server.key);
    take_text(said.authorities, server.authorities);
    take_text(said.authorization, server.authorization);
    take_value(said.port, server.port);
    take_value(said.health_port, server.health_port);
    take_value(said.read_only_port, server.read_only_port);
    take_value(said.anonymous, server.anonymous);
    take_value(said.tokens, server.tokens);
    take_value(said.serves, server.enabled);
    take_value(said.cluster_signs, server.cluster_signs);
    TRY(take_time(said.token_time, "--authentication-token-webhook-cache-ttl", server.token_time));
    return check(server);
}

Status take_upkeep_values(const Said &said, UpkeepConfig &upkeep) {
    take_value(said.log_files, upkeep.log_files);
    take_value(said.image_high, upkeep.image_high);
    take_value(said.image_low, upkeep.image_low);
    if (!said.log_size.empty()) {
        upkeep.log_bytes = TRY(log_bytes_of(said.log_size).within("--container-log-max-size"));
    }
    TRY(take_time(said.image_least_age, "--minimum-image-ttl-duration", upkeep.image_least_age));
    return check(upkeep);
}

Status take_reservation(const Said &said, Reservation &reservation) {
    if (!said.kube_reserved.empty()) {
        reservation.kube = TRY(parse_amounts(said.kube_reserved).within("--kube-reserved"));
    }
    if (!said.system_reserved.empty()) {
        reservation.system = TRY(parse_amounts(said.system_reserved).within("--system-reserved"));
    }
    if (said.eviction) {
        reservation.eviction = TRY(parse_thresholds(*said.eviction).within("--eviction-hard"));
    }
    if (!said.processors.empty()) {
        reservation.processors = TRY(count_processors(said.processors).within("--reserved-cpus"));
    }
    if (!said.enforced.empty()) {
        reservation.enforced = comma_list(said.enforced);
        TRY(check_enforced(reservation.enforced).within("--enforce-node-allocatable"));
    }
    return {};
}

Status take_values(Said &said) {
    KubeletConfig &config = said.options.config;
    take_text(said.endpoint, config.runtime_endpoint);
    take_text(said.static_pods, config.static_pod_path);
    take_text(said.cluster_domain, config.cluster_domain);
    take_text(said.resolv_conf, config.resolv_conf);
    take_text(said.provider_id, config.provider_id);
    take_text(said.logs, config.pod_logs);
    take_value(said.cgroups_per_qos, config.cgroups_per_qos);
    take_value(said.cpu_quota, config.cpu_cfs_quota);
    take_value(said.register_node, config.register_node);
    config.rotate_certificates = said.rotates ? said.rotates : config.rotate_certificates;
    take_value(said.serialize_pulls, config.serialize_image_pulls);
    take_value(said.most_pods, config.most_pods);
    take_value(said.pids_limit, config.pod_pids_limit);
    TRY(take_server_values(said, config.server));
    TRY(take_upkeep_values(said, config.upkeep));
    TRY(take_reservation(said, config.reservation));
    take_value(said.seccomp_default, config.seccomp_default);
    config.verbosity = std::max(config.verbosity, said.verbosity);
    if (!said.cluster_dns.empty()) {
        config.cluster_dns = comma_list(said.cluster_dns);
    }
    if (!said.allowed_sysctls.empty()) {
        config.allowed_sysctls = comma_list(said.allowed_sysctls);
    }
    if (!said.request_timeout.empty()) {
        const auto timeout = parse_duration(said.request_timeout);
        if (!timeout || timeout->count() == 0) {
            return fail(EINVAL, "--runtime-request-timeout: want a time like 2m, not " + quote(said.request_timeout));
        }
        config.runtime_request_timeout = *timeout;
    }
    return {};
}

Status check_values(const Said &said) {
    TRY(socket_of(said.options.config.runtime_endpoint));
    if (said.options.kubeconfig.empty() && !said.options.bootstrap_kubeconfig.empty()) {
        return fail(EINVAL, "--bootstrap-kubeconfig: want --kubeconfig as well, the file that is written with it");
    }
    if (!said.cloud_provider.empty() && said.cloud_provider != "external") {
        return fail(EINVAL, "--cloud-provider: want external, not " + quote(said.cloud_provider));
    }
    if (!said.cgroup_driver.empty() && said.cgroup_driver != "systemd") {
        return fail(EINVAL, "--cgroup-driver: want systemd, which owns this machine's cgroups");
    }
    if (!said.static_pods.empty() && !said.static_pods.starts_with('/')) {
        return fail(EINVAL, "--pod-manifest-path: want an absolute path");
    }
    return {};
}

Result<Options> options_of(Said said) {
    Options &options = said.options;
    std::error_code unreadable; // is told when it is read
    if (options.config_file.empty() && std::filesystem::exists(kUsualConfig, unreadable)) {
        options.config_file = kUsualConfig;
    }
    if (options.config_file.empty()) {
        options.config.static_pod_path = kUsualManifests;
    } else {
        options.config = TRY(load_kubelet_config(options.config_file));
    }
    TRY(take_values(said));
    TRY(check_values(said));
    options.node_labels = TRY(parse_node_labels(said.node_labels));
    if (!said.taints.empty()) {
        options.config.taints = TRY(parse_taints(said.taints));
    }
    options.node_addresses = comma_list(said.addresses);
    options.external_cloud = said.cloud_provider == "external";
    if (options.node_name.empty()) {
        options.node_name = TRY(name_of_machine());
    }
    options.warnings = options.config.warnings;
    for (const std::string &name : said.ignored) {
        options.warnings.push_back(name + " has no effect here");
    }
    return std::move(options);
}

} // namespace

Result<std::variant<Options, Answer>> read_command_line(std::vector<std::string> arguments) {
    Said said;
    CLI::App app("Ballast's Kubernetes node agent", "kubelet");
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast); // whoever adds flags wins
    add_options(app, said);
    add_server_options(app, said);
    add_upkeep_options(app, said);
    add_reservation_options(app, said);
    add_without_effect(app, said);
    for (std::string &argument : arguments) {
        argument = argument.starts_with("-v=") ? "-" + argument : argument; // Go's flags take a "=" after one letter
    }
    std::ranges::reverse(arguments); // as the parser wants a vector
    try {
        app.parse(arguments);
    } catch (const CLI::ParseError &error) {
        std::ostringstream out;
        const int status = app.exit(error, out, out);
        return Answer{status, out.str()};
    }
    if (said.version) {
        return Answer{0, std::string("Kubernetes ") + kKubernetesVersion + "\n"};
    }
    return TRY(options_of(std::move(said)));
}

} // namespace ballast::agent
