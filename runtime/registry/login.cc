// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/login.h"

#include <algorithm>

#include "runtime/registry/hosts.h"
#include "runtime/registry/registry_error.h"
#include "runtime/registry/session.h"

namespace ballast::registry {

Result<LoginAnswer> log_in(const RegistrySettings &settings, const Credentials &credentials, std::stop_token stop) {
    constexpr int kOk = 200;
    constexpr int kUnauthorized = 401;
    constexpr int kNobody[] = {EPROTO, ECONNREFUSED, ECONNRESET, ETIMEDOUT};
    const std::string domain = TRY(domain_of_server(credentials.server));
    for (const Endpoint &endpoint : TRY(find_endpoints(settings.hosts, domain, Purpose::kPush))) {
        Session session(settings, endpoint, credentials, stop);
        if (credentials.identity_token.empty()) {
            session.authorizer().want_refresh_token();
        }
        Result<http::ClientResponse> answer = session.ask({.url = session.url("/v2/")});
        if (answer.has_value() && answer->head.status == kOk) {
            return LoginAnswer{.status = "Login Succeeded", .identity_token = session.authorizer().refresh_token()};
        }
        if (answer.has_value() && answer->head.status == kUnauthorized) { // in Docker's words
            return fail(EACCES,
                        "login attempt to " + session.url("/v2/").text() + " failed with status: 401 Unauthorized");
        }
        if (answer.has_value()) {
            const RegistryError refused = registry_error_of(*answer);
            return std::unexpected(other_error(refused, "log in to " + domain));
        }
        if (!endpoint.has_other || !std::ranges::contains(kNobody, answer.error().code)) {
            return std::unexpected(with_advice(std::move(answer.error()), domain));
        }
    }
    return fail(EIO, "no endpoint of " + domain); // find_endpoints() always has one
}

} // namespace ballast::registry
