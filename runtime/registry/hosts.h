// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/client.h"
#include "base/http/proxy.h"
#include "base/http/url.h"
#include "base/result.h"

// Where the images of a domain are, and how to speak with the hosts there.
namespace ballast::registry {

struct HostSettings {
    std::vector<std::string> mirrors = {};  // "registry-mirrors": URLs without path; for docker.io alone, asked first
    std::vector<std::string> insecure = {}; // "insecure-registries": "host", "host:port" or a CIDR block
    // Directories that hold HOST[:PORT]/ with *.crt (authorities), and *.cert with its *.key (what we show). Of two
    // that know a host the first one counts for what we show; authorities of both are trusted.
    std::vector<std::filesystem::path> certificates = {"/etc/ballast/certs.d", "/etc/docker/certs.d"};
    http::ProxySettings proxies = {};
    // A host's addresses as text, for CIDR blocks; empty when it does not resolve. Unset: the system's resolver.
    std::function<std::vector<std::string>(const std::string &host)> resolve = {};
};

// EINVAL with the key and the entry that cannot be used.
Status check_host_settings(const HostSettings &settings);

// One place to ask. Credentials of a domain belong to its origin, never to a mirror.
struct Endpoint {
    http::Url url; // target "/"
    bool is_mirror = false;
    bool is_insecure = false; // the settings allow plain HTTP and any certificate
    bool has_other = false;   // another endpoint follows
};

// How to speak with a host.
struct Way {
    http::ClientTls tls;
    std::string proxy;
};

// "docker.io" is registry-1.docker.io; "index.docker.io" is docker.io. Mirrors first (never for pushes), then the
// origin; of an insecure one https comes first, plain http after it. Loopback addresses and localhost are insecure by
// default.
enum class Purpose { kPull, kPush };
Result<std::vector<Endpoint>> find_endpoints(const HostSettings &settings, const std::string &domain, Purpose purpose);

// For any URL, also one that an endpoint redirects to: by the host's own certificates and proxies.
Result<Way> find_way(const HostSettings &settings, const http::Url &url);

// Whether plain HTTP and unknown certificates are allowed for "host" or "host:port".
bool is_insecure(const HostSettings &settings, const std::string &domain);

// What a user may type for a registry (`docker login`): "https://index.docker.io/v1/", "docker.io", "host:port",
// "https://host/". Empty is docker.io.
Result<std::string> domain_of_server(std::string_view server);

} // namespace ballast::registry
