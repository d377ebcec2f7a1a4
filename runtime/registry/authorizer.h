// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/http/client.h"
#include "base/result.h"
#include "runtime/registry/challenge.h"
#include "runtime/registry/credentials.h"
#include "runtime/registry/registry_settings.h"

namespace ballast::registry {

// A token server's answer (distribution specification, "Token Authentication").
struct Token {
    std::string value;
    std::string refresh; // an identity token; empty: none
    std::chrono::seconds life{60};
};
// EINVAL for what is not such an answer, or holds a token that cannot stand in a header.
Result<Token> parse_token(std::string_view json);

// Where a bearer challenge of `registry` leads. EACCES when its realm is no URL, or is plain HTTP though the registry
// is not: what a user entrusts to a host over TLS is never sent without.
Result<http::Url> check_realm(const http::Url &registry, std::string_view realm);

// Shows one registry who we are: basic authentication (RFC 7617) or bearer tokens. Bound to the registry's origin:
// credentials go there and to the realm that it named itself, and nowhere else. Thread-safe.
class Authorizer {
  public:
    Authorizer(http::Client &client, const RegistrySettings &settings, http::Url registry, Credentials credentials)
        : client_(client), settings_(settings), registry_(std::move(registry)), credentials_(std::move(credentials)) {}

    // The value of Authorization for a request to the registry, as far as it is known what it wants; else empty.
    // `scope` is "repository:NAME:pull" and the like, several with spaces between them.
    Result<std::string> header(const std::string &scope, const std::stop_token &stop);
    // The registry answered 401 to a request with the header `sent`. True: there is another header() now. EACCES when
    // nothing can be done: "no basic auth credentials", "unauthorized: …".
    Result<bool> challenged(const std::vector<Challenge> &challenges, const std::string &sent, const std::string &scope,
                            const std::stop_token &stop);
    // Asks for a token that outlives the password, as `docker login` does.
    void want_refresh_token() { wants_refresh_ = true; }
    std::string refresh_token() const;

  private:
    struct Held {
        std::string token;
        std::chrono::steady_clock::time_point until;
    };
    Result<std::string> fetch(const std::string &scope, const std::stop_token &stop);
    Result<http::ClientResponse> ask_realm(const std::string &scope, const std::stop_token &stop);

    http::Client &client_;
    const RegistrySettings &settings_;
    const http::Url registry_;
    const Credentials credentials_;
    bool wants_refresh_ = false;

    mutable std::mutex mutex_; // held while a token is fetched: others want the same one
    bool uses_basic_ = false;
    std::optional<http::Url> realm_; // of tokens, once it is known
    std::string service_;
    std::string challenge_scope_;
    std::string refresh_;
    std::map<std::string, Held> tokens_; // by scope
};

} // namespace ballast::registry
