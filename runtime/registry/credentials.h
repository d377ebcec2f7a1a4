// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace ballast::registry {

// By what a client proves who it is to one registry; as the Engine API hands it over. All empty: anonymously.
struct Credentials {
    std::string user = {}, password = {};
    std::string identity_token = {}; // a refresh token of OAuth2, from `docker login`
    std::string registry_token = {}; // sent as a bearer token as it is
    std::string server = {};         // `serveraddress`: what the user typed

    bool empty() const { return user.empty() && password.empty() && identity_token.empty() && registry_token.empty(); }
    bool operator==(const Credentials &) const = default;
};

// The header X-Registry-Auth: base64url of the JSON below. Empty: anonymously. EINVAL for what cannot be read; messages
// never hold a part of it.
Result<Credentials> parse_registry_auth(std::string_view header);

// {"username", "password", "auth", "identitytoken", "registrytoken", "serveraddress"}: also the body of POST /auth.
// `auth` is base64 of "user:password" and stands in for both. Unknown members are ignored.
Result<Credentials> parse_auth_config(std::string_view json);

} // namespace ballast::registry
