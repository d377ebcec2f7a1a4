// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace ballast::http {

// An absolute http or https URL (RFC 3986), read more strictly than the standard: what is accepted here means one thing
// only, so that whoever connects and whoever decides what may be sent there cannot disagree.
struct Url {
    std::string scheme = "https"; // or "http"
    std::string host;             // lower case; IPv6 addresses without brackets
    std::uint16_t port = 443;
    std::string target = "/"; // path and query

    bool is_secure() const { return scheme == "https"; }
    // "host:port", IPv6 in brackets; the port is left out when it is the scheme's own.
    std::string authority() const;
    std::string text() const;
    // Scheme, host and port are the same: what may be told to one may be told to the other (RFC 6454).
    bool same_origin(const Url &other) const;
    bool operator==(const Url &) const = default;
};

// EINVAL for other schemes, for user information, for hosts that are neither names nor addresses, for control
// characters, spaces and backslashes, for more than 8 KiB. A fragment is dropped.
Result<Url> parse_url(std::string_view text);

// Where a reference in a response (Location, Link) leads from `base`: absolute, "//host/…", "/…", "?…" or relative.
Result<Url> resolve_url(const Url &base, std::string_view reference);

// Percent-encoded for a query's name or value: all but unreserved characters (RFC 3986 section 2.3).
std::string url_encode(std::string_view text);

} // namespace ballast::http
