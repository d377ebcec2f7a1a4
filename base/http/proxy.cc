// SPDX-License-Identifier: Apache-2.0
#include "base/http/proxy.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <string_view>

#include "base/http/address_block.h"
#include "base/trimmed.h"

namespace ballast::http {
namespace {

constexpr std::size_t kLongestProxy = 1024;

std::string variable(std::initializer_list<const char *> names) {
    for (const char *name : names) {
        const char *value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nothing of ours calls setenv
        if (value != nullptr && *value != '\0') {
            return value;
        }
    }
    return "";
}

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

// "name", "name:port", "address", "[address]:port", "block".
bool entry_matches(std::string entry, const Url &url) {
    if (entry == "*") {
        return true;
    }
    const bool bracketed = entry.starts_with('[');
    const std::size_t colon = entry.rfind(':');
    if (bracketed || (colon != std::string::npos && entry.find(':') == colon)) {
        const std::size_t end = bracketed ? entry.find(']') : colon;
        if (end == std::string::npos) {
            return false;
        }
        const std::string port = entry.substr(end + (bracketed ? 1 : 0));
        if (!port.empty() && port != ":" + std::to_string(url.port)) {
            return false;
        }
        entry = bracketed ? entry.substr(1, end - 1) : entry.substr(0, end);
    }
    const auto block = AddressBlock::parse(entry);
    const auto address = AddressBlock::parse(url.host);
    if (block || address) {
        return block && address && block->contains(*address);
    }
    if (entry.starts_with("*.")) {
        entry.erase(0, 1);
    }
    if (entry.starts_with('.')) {
        return entry.size() > 1 && url.host.ends_with(entry);
    }
    return !entry.empty() && (url.host == entry || url.host.ends_with("." + entry));
}

bool is_exempt(std::string_view list, const Url &url) {
    const auto address = AddressBlock::parse(url.host);
    if (url.host == "localhost" || url.host.ends_with(".localhost") || (address && address->is_loopback())) {
        return true;
    }
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        if (entry_matches(lower(trimmed(list.substr(0, comma), " \t")), url)) {
            return true;
        }
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return false;
}

} // namespace

ProxySettings ProxySettings::from_environment() {
    const std::string any = variable({"all_proxy", "ALL_PROXY"});
    ProxySettings settings{.http = variable({"http_proxy", "HTTP_PROXY"}),
                           .https = variable({"https_proxy", "HTTPS_PROXY"}),
                           .none = variable({"no_proxy", "NO_PROXY"})};
    settings.http = settings.http.empty() ? any : settings.http;
    settings.https = settings.https.empty() ? any : settings.https;
    return settings;
}

Result<std::string> choose_proxy(const ProxySettings &settings, const Url &url) {
    const std::string &proxy = url.is_secure() ? settings.https : settings.http;
    if (proxy.empty() || is_exempt(settings.none, url)) {
        return "";
    }
    const std::string which = url.scheme + " proxy";
    if (proxy.size() > kLongestProxy || std::ranges::any_of(proxy, [](char c) { return c <= ' ' || c >= 0x7f; })) {
        return fail(EINVAL, which + ": want a URL");
    }
    const std::size_t colon = proxy.find("://");
    if (colon == std::string::npos) {
        return "http://" + proxy;
    }
    const std::string scheme = lower(proxy.substr(0, colon));
    constexpr std::array<std::string_view, 3> kKept{"http", "https", "socks5h"};
    if (std::ranges::contains(kKept, scheme)) {
        return scheme + proxy.substr(colon);
    }
    if (scheme == "socks5") { // names are the proxy's to resolve: the host behind it may know others than we do
        return "socks5h" + proxy.substr(colon);
    }
    return fail(EINVAL, which + ": want the scheme http, https, socks5 or socks5h");
}

} // namespace ballast::http
