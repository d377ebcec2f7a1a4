// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ballast::updater::support {

inline constexpr std::string_view kRemoved = "(removed)";

// The text without what looks like a secret, each replaced by kRemoved: private keys (PEM), what URLs have before the
// host, values of names like "password" or "token" in JSON, shell, HTTP and query strings, words behind options of such
// names, password hashes (crypt(5)) and JSON web tokens. A guess by form: a secret that looks like any word stays.
std::string scrubbed(std::string_view text);

} // namespace ballast::updater::support
