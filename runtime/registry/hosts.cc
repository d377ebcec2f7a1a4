// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/hosts.h"

#include <algorithm>
#include <array>
#include <memory>
#include <netdb.h>
#include <sys/socket.h>

#include "base/file_io.h"
#include "base/http/address_block.h"
#include "base/quote.h"
#include "runtime/image/reference.h"

namespace ballast::registry {
namespace {

namespace fs = std::filesystem;
using http::AddressBlock;

constexpr std::string_view kHubHost = "registry-1.docker.io";
constexpr std::uint64_t kLargestCertificate = 1UL << 20;

std::vector<std::string> system_addresses(const std::string &host) {
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    addrinfo *found = nullptr;
    if (getaddrinfo(host.c_str(), nullptr, &hints, &found) != 0) {
        return {};
    }
    const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> list(found, &freeaddrinfo);
    std::vector<std::string> addresses;
    for (const addrinfo *entry = found; entry != nullptr; entry = entry->ai_next) {
        std::array<char, NI_MAXHOST> text{};
        if (getnameinfo(entry->ai_addr, entry->ai_addrlen, text.data(), text.size(), nullptr, 0, NI_NUMERICHOST) == 0) {
            addresses.emplace_back(text.data());
        }
    }
    return addresses;
}

// Of "host:port", "[address]:port", "host".
Result<http::Url> url_of_domain(std::string_view scheme, const std::string &domain) {
    http::Url url = TRY(http::parse_url(std::string(scheme) + "://" + domain));
    if (url.target != "/" || domain.contains('/')) {
        return fail(EINVAL, "registry " + quote(domain) + ": want HOST or HOST:PORT");
    }
    return url;
}

bool is_local_name(const std::string &host) { return host == "localhost" || host.ends_with(".localhost"); }

// The names of a host's directory, the user's own spelling first.
std::vector<std::string> directory_names(const http::Url &url) {
    const std::string host = url.host.contains(':') ? "[" + url.host + "]" : url.host;
    std::vector<std::string> names{host + ":" + std::to_string(url.port)};
    if (url.authority() == host) {
        names.push_back(host);
    }
    if (url.host == kHubHost) {
        names.emplace_back(image::kDefaultDomain);
    }
    return names;
}

std::vector<fs::path> sorted_entries(const fs::path &directory) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator it(directory, error), end; !error && it != end; it.increment(error)) {
        files.push_back(it->path());
    }
    std::ranges::sort(files);
    return files;
}

Status add_directory(const fs::path &directory, http::ClientTls &tls) {
    for (const fs::path &file : sorted_entries(directory)) {
        if (file.extension() == ".crt") {
            tls.authorities += TRY(read_file(file, kLargestCertificate)) + "\n";
            continue;
        }
        const bool is_key = file.extension() == ".key";
        if (!is_key && file.extension() != ".cert") {
            continue;
        }
        fs::path other = file;
        other.replace_extension(is_key ? ".cert" : ".key");
        std::error_code error;
        if (!fs::exists(other, error)) {
            return fail(ENOENT, file.string() + ": " + other.string() +
                                    " is missing; certificates of authorities must end in .crt");
        }
        if (!is_key && tls.certificate.empty()) {
            tls.certificate = file;
            tls.key = other;
        }
    }
    return {};
}

std::unexpected<Error> bad_entry(const std::string &key, const std::string &entry, const std::string &why) {
    return fail(EINVAL, key + ": " + quote(entry) + ": " + why);
}

Result<http::Url> mirror_url(const std::string &mirror) {
    Result<http::Url> url = http::parse_url(mirror);
    if (!url.has_value()) {
        return bad_entry("registry-mirrors", mirror, "want http:// or https:// and a host");
    }
    if (url->target != "/" || mirror.find_first_of("?#") != std::string::npos) {
        return bad_entry("registry-mirrors", mirror, "want a URL without path");
    }
    return url;
}

bool is_insecure_url(const HostSettings &settings, const http::Url &url) {
    const std::string named = url.host + ":" + std::to_string(url.port);
    std::vector<AddressBlock> blocks;
    for (const std::string &entry : settings.insecure) {
        if (const auto block = AddressBlock::parse(entry)) {
            blocks.push_back(*block);
            continue;
        }
        const Result<http::Url> listed = url_of_domain("https", entry);
        const bool has_port = listed.has_value() && listed->authority() != listed->host;
        if (listed.has_value() &&
            (has_port ? listed->host + ":" + std::to_string(listed->port) == named : listed->host == url.host)) {
            return true;
        }
    }
    const auto address = AddressBlock::parse(url.host);
    const auto is_listed = [&](const AddressBlock &candidate) {
        return candidate.is_loopback() ||
               std::ranges::any_of(blocks, [&](const AddressBlock &block) { return block.contains(candidate); });
    };
    if (address) {
        return is_listed(*address);
    }
    if (is_local_name(url.host)) {
        return true;
    }
    // A name counts as what it resolves to only where blocks are listed: nobody's DNS turns TLS off by itself.
    if (blocks.empty()) {
        return false;
    }
    const std::vector<std::string> addresses =
        settings.resolve ? settings.resolve(url.host) : system_addresses(url.host);
    return !addresses.empty() && std::ranges::all_of(addresses, [&](const std::string &text) {
        const auto resolved = AddressBlock::parse(text.substr(0, text.find('%')));
        return resolved &&
               std::ranges::any_of(blocks, [&](const AddressBlock &block) { return block.contains(*resolved); });
    });
}

} // namespace

Status check_host_settings(const HostSettings &settings) {
    for (const std::string &mirror : settings.mirrors) {
        TRY(mirror_url(mirror));
    }
    for (const std::string &entry : settings.insecure) {
        if (entry.contains("://")) {
            return bad_entry("insecure-registries", entry, "want a host without http:// or https://");
        }
        if (!AddressBlock::parse(entry) && !url_of_domain("https", entry).has_value()) {
            return bad_entry("insecure-registries", entry, "want HOST, HOST:PORT or a CIDR block");
        }
    }
    return {};
}

bool is_insecure(const HostSettings &settings, const std::string &domain) {
    const Result<http::Url> url = url_of_domain("https", domain);
    return url.has_value() && is_insecure_url(settings, *url);
}

Result<std::vector<Endpoint>> find_endpoints(const HostSettings &settings, const std::string &domain, Purpose purpose) {
    std::vector<Endpoint> endpoints;
    const bool is_hub = domain == image::kDefaultDomain || domain == "index.docker.io";
    if (is_hub && purpose == Purpose::kPull) {
        for (const std::string &mirror : settings.mirrors) {
            const http::Url url = TRY(mirror_url(mirror));
            endpoints.push_back({.url = url, .is_mirror = true, .is_insecure = is_insecure_url(settings, url)});
        }
    }
    const http::Url url = TRY(url_of_domain("https", is_hub ? std::string(kHubHost) : domain));
    const bool insecure = is_insecure_url(settings, url);
    endpoints.push_back({.url = url, .is_insecure = insecure});
    if (insecure) {
        endpoints.push_back({.url = TRY(url_of_domain("http", domain)), .is_insecure = true});
    }
    for (Endpoint &endpoint : endpoints) {
        endpoint.has_other = &endpoint != &endpoints.back();
    }
    return endpoints;
}

Result<Way> find_way(const HostSettings &settings, const http::Url &url) {
    Way way;
    way.proxy = TRY(http::choose_proxy(settings.proxies, url));
    if (!url.is_secure()) {
        return way;
    }
    way.tls.verify = !is_insecure_url(settings, url);
    for (const fs::path &directory : settings.certificates) {
        for (const std::string &name : directory_names(url)) {
            TRY(add_directory(directory / name, way.tls));
        }
    }
    return way;
}

Result<std::string> domain_of_server(std::string_view server) {
    std::string_view rest = server;
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (rest.starts_with(scheme)) {
            rest.remove_prefix(scheme.size());
        }
    }
    const std::string domain(rest.substr(0, rest.find('/')));
    if (domain.empty() || domain == "index.docker.io" || domain == kHubHost) {
        return std::string(image::kDefaultDomain);
    }
    TRY(url_of_domain("https", domain));
    return domain;
}

} // namespace ballast::registry
