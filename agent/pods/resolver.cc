// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/resolver.h"

#include <algorithm>
#include <format>
#include <sstream>

#include "base/lines.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kMostName = 63;
constexpr std::size_t kMostServers = 3;
constexpr std::size_t kMostSearches = 32;

Texts words_of(const std::string &line) {
    std::istringstream stream(line);
    Texts words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

void add_new(Texts &to, const Texts &from) {
    for (const std::string &text : from) {
        if (!std::ranges::contains(to, text)) {
            to.push_back(text);
        }
    }
}

// "ndots:5" takes the place of "ndots:2".
void add_options(Texts &to, const Texts &from) {
    const auto name_of_option = [](const std::string &option) { return option.substr(0, option.find(':')); };
    for (const std::string &option : from) {
        std::erase_if(to, [&](const std::string &other) { return name_of_option(other) == name_of_option(option); });
        to.push_back(option);
    }
}

bool wants_cluster(const Pod &pod) {
    return pod.dns_policy == "ClusterFirstWithHostNet" || (pod.dns_policy == "ClusterFirst" && !pod.host_network);
}

// The pod's name with its domain; empty: it has none.
std::string full_name(const Pod &pod, const std::string &hostname, const std::string &cluster_domain) {
    return pod.subdomain.empty()
               ? ""
               : std::format("{}.{}.{}.svc.{}", hostname, pod.subdomain, pod.name_space, cluster_domain);
}

void add_aliases(std::string &file, const Pod &pod) {
    if (pod.host_aliases.empty()) {
        return;
    }
    file += "\n# Entries added by HostAliases.\n";
    for (const HostAlias &alias : pod.host_aliases) {
        file += alias.address;
        for (const std::string &name : alias.names) {
            file += "\t" + name;
        }
        file += "\n";
    }
}

} // namespace

DnsConfig parse_resolv_conf(std::string_view text) {
    DnsConfig config;
    for (const std::string &line : lines_of(text)) {
        Texts words = words_of(line.substr(0, line.find_first_of("#;")));
        if (words.size() < 2) {
            continue;
        }
        const std::string key = words.front();
        words.erase(words.begin());
        if (key == "nameserver") {
            config.servers.push_back(words.front());
        } else if (key == "search") {
            config.searches = words;
        } else if (key == "options") {
            config.options = words;
        }
    }
    return config;
}

DnsConfig dns_of(const Pod &pod, const ClusterDns &cluster, std::string *warning) {
    DnsConfig dns;
    if (wants_cluster(pod) && !cluster.servers.empty()) {
        dns.servers = cluster.servers;
        if (!cluster.domain.empty()) {
            dns.searches = {pod.name_space + ".svc." + cluster.domain, "svc." + cluster.domain, cluster.domain};
        }
        add_new(dns.searches, cluster.host.searches);
        dns.options = {"ndots:5"};
    } else if (pod.dns_policy != "None") {
        dns = cluster.host;
        if (wants_cluster(pod) && warning != nullptr) {
            *warning = "kubelet does not have ClusterDNS IP configured and cannot create Pod using \"" +
                       pod.dns_policy + "\" policy. Falling back to \"Default\" policy.";
        }
    }
    if (pod.dns) {
        add_new(dns.servers, pod.dns->servers);
        add_new(dns.searches, pod.dns->searches);
        add_options(dns.options, pod.dns->options);
    }
    dns.servers.resize(std::min(dns.servers.size(), kMostServers));
    dns.searches.resize(std::min(dns.searches.size(), kMostSearches));
    return dns;
}

Result<std::string> hostname_of(const Pod &pod, const std::string &cluster_domain, const std::string &node_name) {
    if (pod.host_network) {
        return node_name;
    }
    std::string name = (pod.hostname.empty() ? pod.name : pod.hostname).substr(0, kMostName);
    while (name.ends_with('-') || name.ends_with('.')) {
        name.pop_back();
    }
    const std::string full = full_name(pod, name, cluster_domain);
    if (!pod.fqdn_as_hostname || full.empty()) {
        return name;
    }
    constexpr std::size_t kKernelsMost = 64;
    if (full.size() > kKernelsMost) {
        return fail(EINVAL, std::format("failed to construct FQDN from Pod hostname and cluster domain, FQDN {} is too "
                                        "long ({} characters is the max, {} characters requested)",
                                        full, kKernelsMost, full.size()));
    }
    return full;
}

std::string hosts_file(const Pod &pod, const std::string &address, const std::string &hostname,
                       const std::string &cluster_domain, const std::string &host_file) {
    std::string file;
    if (pod.host_network) {
        file = "# Kubernetes-managed hosts file (host network).\n" + host_file;
    } else {
        file = "# Kubernetes-managed hosts file.\n"
               "127.0.0.1\tlocalhost\n"
               "::1\tlocalhost ip6-localhost ip6-loopback\n"
               "fe00::\tip6-localnet\n"
               "fe00::\tip6-mcastprefix\n"
               "fe00::1\tip6-allnodes\n"
               "fe00::2\tip6-allrouters\n";
        const std::string short_name = hostname.substr(0, hostname.find('.'));
        const std::string full = full_name(pod, short_name, cluster_domain);
        if (!address.empty()) {
            file += address + "\t" + (full.empty() ? "" : full + "\t") + (full.empty() ? hostname : short_name) + "\n";
        }
    }
    add_aliases(file, pod);
    return file;
}

} // namespace ballast::agent
