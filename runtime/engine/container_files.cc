// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/container_files.h"

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <optional>
#include <unistd.h>
#include <utility>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/rollback.h"
#include "runtime/network/address.h"
#include "runtime/network/dns/resolv_conf.h"
#include "runtime/network/dns/sockets.h"

namespace ballast::engine {
namespace {

constexpr std::uint64_t kLargestFile = 1UL << 20;
constexpr const char *kStub = "127.0.0.53";
constexpr const char *kUplinks = "/run/systemd/resolve/resolv.conf";
constexpr const char *kHostGateway = "host-gateway";
constexpr std::string_view kNdots = "ndots:";

// NAME:ADDRESS; of an IPv6 address all colons but the first, brackets or none.
std::optional<std::pair<std::string, std::string>> parse_extra_host(const std::string &entry) {
    const std::size_t separator = entry.find_first_of(":=");
    if (separator == std::string::npos || separator == 0) {
        return std::nullopt;
    }
    std::string address = entry.substr(separator + 1);
    if (address.size() > 2 && address.front() == '[' && address.back() == ']') {
        address = address.substr(1, address.size() - 2);
    }
    return std::pair(entry.substr(0, separator), std::move(address));
}

bool is_word(const std::string &text) {
    return !text.empty() && std::ranges::all_of(text, [](unsigned char c) { return c > ' ' && c != '\x7f'; });
}

dns::ResolvConf for_container(dns::ResolvConf conf, bool own_servers, bool ipv6) {
    if (own_servers) {
        return conf;
    }
    std::erase_if(conf.servers, [ipv6](const std::string &server) {
        return dns::is_loopback_server(server) || (!ipv6 && server.contains(':'));
    });
    if (conf.servers.empty()) {
        conf.servers = {"8.8.8.8", "8.8.4.4"};
        if (ipv6) {
            conf.servers.insert(conf.servers.end(), {"2001:4860:4860::8888", "2001:4860:4860::8844"});
        }
    }
    return conf;
}

} // namespace

HostFiles read_host_files() {
    // Without a file: an empty one.
    return {.hosts = read_file("/etc/hosts", kLargestFile).value_or(""),
            .resolv_conf = read_file("/etc/resolv.conf", kLargestFile).value_or(""),
            .uplinks = read_file(kUplinks, kLargestFile).value_or("")};
}

Result<std::string> hosts_file(const Snapshot &container, const FileNetwork &network, const HostFiles &host) {
    std::string text = network.of_host ? host.hosts : "";
    if (text.empty()) {
        text = "127.0.0.1\tlocalhost\n"
               "::1\tlocalhost ip6-localhost ip6-loopback\n"
               "fe00::0\tip6-localnet\n"
               "ff00::0\tip6-mcastprefix\n"
               "ff02::1\tip6-allnodes\n"
               "ff02::2\tip6-allrouters\n";
    } else if (!text.ends_with('\n')) {
        text += '\n';
    }
    for (const std::string &entry : container.host.extra_hosts) {
        const auto extra = parse_extra_host(entry);
        if (!extra) {
            continue; // check_name_settings() has seen it when it was made
        }
        if (extra->second != kHostGateway) {
            text += extra->second + "\t" + extra->first + "\n";
            continue;
        }
        if (network.host_gateway.empty()) {
            return fail(EINVAL, "unable to derive the IP value for host-gateway: there is no default bridge");
        }
        for (const std::string &address : network.host_gateway) {
            text += address + "\t" + extra->first + "\n";
        }
    }
    for (const std::string &line : network.linked) {
        text += line + "\n";
    }
    const std::string &domain = container.config.domainname;
    const std::string &hostname = container.config.hostname;
    for (const std::string &address : network.addresses) {
        text += address + "\t" + (domain.empty() ? "" : hostname + "." + domain + " ") + hostname + "\n";
    }
    return text;
}

NameSettings name_settings(const HostConfig &container, const Settings &engine) {
    return {.servers = container.dns.empty() ? engine.dns : container.dns,
            .search = container.dns_search.empty() ? engine.dns_search : container.dns_search,
            .options = container.dns_options.empty() ? engine.dns_options : container.dns_options};
}

std::string resolv_conf(const NameSettings &names, const FileNetwork &network, const HostFiles &host) {
    const bool says_nothing = names.servers.empty() && names.search.empty() && names.options.empty();
    if (network.of_host && says_nothing) {
        return host.resolv_conf;
    }
    dns::ResolvConf conf = dns::parse_resolv_conf(host.resolv_conf);
    if (!network.of_host && conf.servers == Texts{kStub} && !host.uplinks.empty()) {
        conf = dns::parse_resolv_conf(host.uplinks);
    }
    if (!names.servers.empty()) {
        conf.servers = names.servers;
    }
    if (!names.search.empty()) {
        conf.search = names.search == Texts{"."} ? Texts() : names.search;
    }
    if (!names.options.empty()) {
        conf.options = names.options;
    }
    if (network.resolver) {
        conf.servers = {dns::kResolverAddress};
        if (std::ranges::none_of(conf.options, [](const std::string &one) { return one.starts_with(kNdots); })) {
            conf.options.emplace_back("ndots:0");
        }
    } else if (!network.of_host) {
        conf = for_container(std::move(conf), !names.servers.empty(), network.ipv6);
    }
    return dns::write_resolv_conf(conf);
}

bool sets_ndots(const NameSettings &names) {
    return std::ranges::any_of(names.options, [](const std::string &one) {
        int dots = 0;
        return one.starts_with(kNdots) &&
               std::from_chars(one.data() + kNdots.size(), one.data() + one.size(), dots).ec == std::errc() && dots > 0;
    });
}

Status write_container_files(Snapshot &container, const std::string &directory, const NameSettings &names,
                             const FileNetwork &network) {
    const std::filesystem::path base = directory;
    const HostFiles host = read_host_files(); // at each start: the machine may have other servers by now
    container.hosts_path = base / "hosts";
    container.hostname_path = base / "hostname";
    container.resolv_conf_path = base / "resolv.conf";
    Rollback undo; // also of those of its last start: the next one makes them again
    undo.add([&] {
        for (const std::string &path : {container.hosts_path, container.hostname_path, container.resolv_conf_path}) {
            (void)unlink(path.c_str());
        }
    });
    TRY(write_file(container.hosts_path, TRY(hosts_file(container, network, host))));
    TRY(write_file(container.hostname_path, container.config.hostname + "\n"));
    TRY(write_file(container.resolv_conf_path, resolv_conf(names, network, host)));
    undo.commit();
    return {};
}

void share_container_files(Snapshot &container, const Snapshot &other) {
    container.hosts_path = other.hosts_path;
    container.hostname_path = other.hostname_path;
    container.resolv_conf_path = other.resolv_conf_path;
}

Status check_name_settings(const HostConfig &host) {
    for (const std::string &server : host.dns) {
        if (!network::Address::parse(server.substr(0, server.find('%')))) {
            return fail(EINVAL, "invalid IP address: " + escaped(server));
        }
    }
    for (const std::string &domain : host.dns_search) {
        if (!is_word(domain)) {
            return fail(EINVAL, "invalid domain: " + quote(domain));
        }
    }
    for (const std::string &option : host.dns_options) {
        if (!is_word(option)) {
            return fail(EINVAL, "invalid DNS option: " + quote(option));
        }
    }
    for (const std::string &entry : host.extra_hosts) {
        const auto extra = parse_extra_host(entry);
        if (!extra || !is_word(extra->first)) {
            return fail(EINVAL, "bad format for add-host: " + quote(entry));
        }
        if (extra->second != kHostGateway && !network::Address::parse(extra->second)) {
            return fail(EINVAL, "invalid IP address in add-host: " + quote(extra->second));
        }
    }
    return {};
}

} // namespace ballast::engine
