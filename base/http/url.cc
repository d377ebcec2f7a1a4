// SPDX-License-Identifier: Apache-2.0
#include "base/http/url.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <vector>

#include "base/quote.h"

namespace ballast::http {
namespace {

constexpr std::size_t kLongestUrl = 8192;
constexpr std::size_t kLongestHost = 255;

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(), [](char c) { return lower(c); });
    return result;
}

std::uint16_t default_port(std::string_view scheme) { return scheme == "https" ? 443 : 80; }

std::unexpected<Error> bad(std::string_view text, const std::string &why) {
    constexpr std::size_t kShown = 200;
    return fail(EINVAL, "URL " + quote(text.substr(0, kShown)) + ": " + why);
}

bool is_target_text(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f && c != '\\' && c != '#'; });
}

bool is_host_name(std::string_view host) {
    return !host.empty() && host.size() <= kLongestHost && host.front() != '-' && host.front() != '.' &&
           std::ranges::all_of(host,
                               [](char c) { return is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_'; });
}

bool is_ipv6(std::string_view host) {
    in6_addr address{};
    return inet_pton(AF_INET6, std::string(host).c_str(), &address) == 1;
}

// "host", "host:port", "[address]:port".
Status read_authority(std::string_view authority, std::string_view whole, Url &url) {
    std::string_view host = authority;
    std::string_view port;
    const bool bracketed = authority.starts_with('[');
    const std::size_t end = bracketed ? authority.find(']') : authority.find(':');
    if (bracketed) {
        if (end == std::string_view::npos) {
            return bad(whole, "the address has no closing bracket");
        }
        host = authority.substr(1, end - 1);
        port = authority.substr(end + 1);
    } else if (end != std::string_view::npos) {
        host = authority.substr(0, end);
        port = authority.substr(end);
    }
    if (authority.contains('@')) {
        return bad(whole, "user names and passwords do not belong into a URL");
    }
    if (bracketed ? !is_ipv6(host) : !is_host_name(host)) {
        return bad(whole, "want a host name or an address");
    }
    url.host = lower(host);
    url.port = default_port(url.scheme);
    if (!port.empty()) {
        const char *last = port.data() + port.size();
        const auto [stop, error] = std::from_chars(port.data() + 1, last, url.port);
        if (port.front() != ':' || error != std::errc() || stop != last || url.port == 0) {
            return bad(whole, "want a port from 1 to 65535");
        }
    }
    return {};
}

// RFC 3986 section 5.2.4, on the path alone.
std::string without_dots(std::string_view path) {
    std::vector<std::string_view> parts;
    bool directory = false;
    for (std::size_t start = 1; start <= path.size();) {
        const std::size_t end = std::min(path.find('/', start), path.size());
        const std::string_view part = path.substr(start, end - start);
        directory = part == "." || part == "..";
        if (part == ".." && !parts.empty()) {
            parts.pop_back();
        } else if (!directory) {
            parts.push_back(part);
        }
        start = end + 1;
    }
    std::string result;
    for (const std::string_view part : parts) {
        result.append("/").append(part);
    }
    return result.empty() || directory ? result + "/" : result;
}

} // namespace

std::string Url::authority() const {
    const std::string name = host.contains(':') ? "[" + host + "]" : host;
    return port == default_port(scheme) ? name : name + ":" + std::to_string(port);
}

std::string Url::text() const { return scheme + "://" + authority() + target; }

bool Url::same_origin(const Url &other) const {
    return scheme == other.scheme && host == other.host && port == other.port;
}

Result<Url> parse_url(std::string_view text) {
    if (text.size() > kLongestUrl) {
        return bad(text, "longer than " + std::to_string(kLongestUrl) + " bytes");
    }
    Url url;
    const std::size_t colon = text.find("://");
    url.scheme = lower(text.substr(0, std::min(colon, text.size())));
    if (colon == std::string_view::npos || (url.scheme != "http" && url.scheme != "https")) {
        return bad(text, "want http:// or https://");
    }
    const std::string_view rest = text.substr(colon + 3);
    const std::size_t end = std::min(rest.find_first_of("/?#"), rest.size());
    TRY(read_authority(rest.substr(0, end), text, url));
    const std::string_view target = rest.substr(end, rest.find('#') - end);
    if (!is_target_text(target)) {
        return bad(text, "a character that must be percent-encoded");
    }
    url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
    return url;
}

Result<Url> resolve_url(const Url &base, std::string_view reference) {
    const std::size_t colon = reference.find(':');
    if (colon != std::string_view::npos && colon < reference.find_first_of("/?#")) {
        return parse_url(reference);
    }
    if (reference.starts_with("//")) {
        return parse_url(base.scheme + ":" + std::string(reference));
    }
    const std::string_view kept = reference.substr(0, reference.find('#'));
    if (kept.size() > kLongestUrl || !is_target_text(kept)) {
        return bad(reference, "want a location");
    }
    Url url = base;
    const std::string path = base.target.substr(0, base.target.find('?'));
    const std::size_t query = std::min(kept.find('?'), kept.size());
    if (kept.starts_with('/')) {
        url.target = without_dots(kept.substr(0, query));
    } else if (query > 0) {
        url.target = without_dots(path.substr(0, path.rfind('/') + 1) + std::string(kept.substr(0, query)));
    } else {
        url.target = kept.empty() ? base.target : path;
    }
    url.target += kept.substr(query);
    return url;
}

std::string url_encode(std::string_view text) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : text) {
        if (is_letter(c) || is_digit(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            encoded += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 0xfU]};
        }
    }
    return encoded;
}

} // namespace ballast::http
