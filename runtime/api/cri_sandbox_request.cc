// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_sandbox_request.h"

#include <array>
#include <charconv>
#include <filesystem>
#include <optional>
#include <utility>

#include "base/quote.h"
#include "runtime/api/cri_methods.h"
#include "runtime/api/cri_user_namespace.h"
#include "runtime/network/address.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;

constexpr std::uint64_t kBurst = 0x7fffffff; // bits: as much as one may send at once, as other runtimes have it
constexpr const char *kIngress = "kubernetes.io/ingress-bandwidth";
constexpr const char *kEgress = "kubernetes.io/egress-bandwidth";

Result<std::string> read_protocol(cri::Protocol protocol) {
    switch (protocol) {
    case cri::TCP:
        return "tcp";
    case cri::UDP:
        return "udp";
    case cri::SCTP:
        return "sctp";
    default:
        return unknown_value("port_mappings: protocol", protocol);
    }
}

Result<std::vector<cni::PortMapping>> read_ports(const cri::PodSandboxConfig &config) {
    std::vector<cni::PortMapping> ports;
    for (const cri::PortMapping &port : config.port_mappings()) {
        const auto is_port = [](std::int32_t number) { return number > 0 && number <= 0xffff; };
        cni::PortMapping mapping{.protocol = TRY(read_protocol(port.protocol())), .host_address = port.host_ip()};
        if (port.host_port() == 0) {
            continue; // it is only told
        }
        if (!is_port(port.host_port()) || !is_port(port.container_port())) {
            return fail(EINVAL, "port_mappings: want ports from 1 to 65535");
        }
        if (!mapping.host_address.empty() && !network::Address::parse(mapping.host_address)) {
            return fail(EINVAL, "port_mappings: host_ip " + quote(mapping.host_address) + " is no address");
        }
        mapping.host = static_cast<std::uint16_t>(port.host_port());
        mapping.container = static_cast<std::uint16_t>(port.container_port());
        ports.push_back(std::move(mapping));
    }
    return ports;
}

Result<std::optional<cni::Bandwidth>> read_bandwidths(const engine::Pod &pod) {
    const auto ingress = pod.annotations.find(kIngress), egress = pod.annotations.find(kEgress);
    if (ingress == pod.annotations.end() && egress == pod.annotations.end()) {
        return std::nullopt;
    }
    cni::Bandwidth bandwidth;
    if (ingress != pod.annotations.end()) {
        bandwidth.ingress_rate = TRY(read_bandwidth(ingress->second).within(kIngress));
        bandwidth.ingress_burst = kBurst;
    }
    if (egress != pod.annotations.end()) {
        bandwidth.egress_rate = TRY(read_bandwidth(egress->second).within(kEgress));
        bandwidth.egress_burst = kBurst;
    }
    return bandwidth;
}

// Whether a namespace is the node's; the others are the pod's, of which `pid` alone may be each container's.
Result<bool> is_node(const char *field, cri::NamespaceMode mode) {
    if (mode == cri::POD || mode == cri::NODE) {
        return mode == cri::NODE;
    }
    return cri::NamespaceMode_IsValid(mode)
               ? fail(EINVAL, std::string("namespace_options: ") + field + " of a sandbox is POD or NODE")
               : std::unexpected(unknown_value(field, mode));
}

Status read_namespaces(const cri::NamespaceOption &options, engine::SandboxRequest &request) {
    if (options.has_userns_options()) {
        request.ids = TRY(read_user_namespace(options.userns_options(), "userns_options"));
    }
    request.host.network_mode = TRY(is_node("network", options.network())) ? "host" : "";
    request.host.ipc_mode = TRY(is_node("ipc", options.ipc())) ? "host" : "shareable";
    if (options.pid() != cri::CONTAINER) {
        request.host.pid_mode = TRY(is_node("pid", options.pid())) ? "host" : "";
        request.pod.shared_pids = options.pid() == cri::POD;
    }
    return {};
}

Status read_linux(const cri::LinuxPodSandboxConfig &config, engine::SandboxRequest &request) {
    TRY(read_namespaces(config.security_context().namespace_options(), request));
    // kubelet names the slice alone; others its whole path, which a slice's name says as well.
    request.host.cgroup_parent = std::filesystem::path(config.cgroup_parent()).filename().string();
    for (const auto &[name, value] : config.sysctls()) {
        request.host.sysctls.emplace(name, value);
    }
    return {};
}

} // namespace

Result<std::uint64_t> read_bandwidth(std::string_view text) {
    constexpr std::array kUnits = std::to_array<std::pair<std::string_view, std::uint64_t>>({
        {"", 1},
        {"k", 1000},
        {"M", 1'000'000},
        {"G", 1'000'000'000},
        {"T", 1'000'000'000'000},
        {"Ki", 1UL << 10},
        {"Mi", 1UL << 20},
        {"Gi", 1UL << 30},
        {"Ti", 1UL << 40},
    });
    std::uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit = text.substr(static_cast<std::size_t>(end - text.data()));
    for (const auto &[name, factor] : kUnits) {
        std::uint64_t bits = 0;
        if (error == std::errc() && unit == name && !__builtin_mul_overflow(number, factor, &bits) && bits > 0) {
            return bits;
        }
    }
    return fail(EINVAL, quote(text.substr(0, 64)) + " is no number of bits a second, like 10M");
}

Result<engine::SandboxRequest> read_sandbox(const cri::RunPodSandboxRequest &from) {
    const cri::PodSandboxConfig &config = from.config();
    if (!from.has_config() || !config.has_metadata()) {
        return fail(EINVAL, "want config, with metadata");
    }
    if (!from.runtime_handler().empty()) {
        return fail(EINVAL, "runtime_handler " + quote(from.runtime_handler()) +
                                " is not known: there is one runtime, and its handler's name is empty");
    }
    if (!config.log_directory().empty() && !std::filesystem::path(config.log_directory()).is_absolute()) {
        return fail(EINVAL, "log_directory " + quote(config.log_directory()) + ": want an absolute path");
    }
    engine::SandboxRequest request;
    engine::Pod &pod = request.pod;
    pod.name = config.metadata().name();
    pod.name_space = config.metadata().namespace_();
    pod.uid = config.metadata().uid();
    pod.attempt = config.metadata().attempt();
    pod.labels = {config.labels().begin(), config.labels().end()};
    pod.annotations = {config.annotations().begin(), config.annotations().end()};
    pod.log_directory = config.log_directory();
    pod.wishes.ports = TRY(read_ports(config));
    pod.wishes.bandwidth = TRY(read_bandwidths(pod));
    if (config.has_dns_config()) {
        const cri::DNSConfig &dns = config.dns_config();
        pod.dns = cni::Dns{.servers = {dns.servers().begin(), dns.servers().end()},
                           .searches = {dns.searches().begin(), dns.searches().end()},
                           .options = {dns.options().begin(), dns.options().end()}};
        request.host.dns = pod.dns->servers; // for the checks of the engine
        request.host.dns_search = pod.dns->searches;
        request.host.dns_options = pod.dns->options;
        pod.wishes.dns = pod.dns;
    }
    request.hostname = config.hostname();
    TRY(read_linux(config.linux(), request));
    if (request.host.network_mode == "host" && !pod.wishes.ports.empty()) {
        pod.wishes.ports.clear(); // they are the host's own
    }
    return request;
}

} // namespace ballast::api
