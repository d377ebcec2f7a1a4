// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/http/url.h"
#include "base/result.h"

namespace ballast::http {

// Which requests go through a proxy. Each proxy is a URL with the scheme http, https, socks5 or socks5h (names are
// resolved by the proxy with both) or HOST:PORT, which means http; user:password@ is allowed here.
struct ProxySettings {
    std::string http = {};  // for http:// URLs; empty: none
    std::string https = {}; // for https:// URLs
    // Comma-separated: "host" (and all names below it), ".domain" and "*.domain" (only those below), addresses, CIDR
    // blocks, each with an optional :port; "*" is everything. localhost and loopback addresses never use a proxy.
    std::string none = {};

    // http_proxy, https_proxy, all_proxy and no_proxy, in lower or in upper case; lower case wins.
    static ProxySettings from_environment();
    bool operator==(const ProxySettings &) const = default;
};

// The proxy for a URL, as a URL; empty: connect directly. EINVAL when the setting that applies cannot be read; the
// message does not hold it, for it may hold a password.
Result<std::string> choose_proxy(const ProxySettings &settings, const Url &url);

} // namespace ballast::http
