// SPDX-License-Identifier: Apache-2.0
#include "agent/config/server_config.h"

#include <arpa/inet.h>
#include <array>

#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr long long kLastPort = 65535;

bool is_address(const std::string &text) {
    std::array<unsigned char, sizeof(in6_addr)> bytes{};
    return inet_pton(AF_INET, text.c_str(), bytes.data()) == 1 || inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1;
}

Field authentication_field(ServerConfig &config) {
    return object_field("authentication", {object_field("anonymous", {flag_field("enabled", config.anonymous)}),
                                           object_field("x509", {text_field("clientCAFile", config.authorities)}),
                                           object_field("webhook", {flag_field("enabled", config.tokens),
                                                                    duration_field("cacheTTL", config.token_time)})});
}

Field authorization_field(ServerConfig &config) {
    return object_field("authorization",
                        {word_field("mode", config.authorization, {"Webhook", "AlwaysAllow"}),
                         object_field("webhook", {duration_field("cacheAuthorizedTTL", config.allowed_time),
                                                  duration_field("cacheUnauthorizedTTL", config.refused_time)})});
}

Field address_field(std::string_view name, std::string &to) {
    return {name, [name, &to](const YamlNode &value) -> Status {
                std::string text = TRY(value.as_string());
                if (!text.empty() && !is_address(text)) {
                    return wrong(value, "\"" + std::string(name) + "\" must be an IP address, not " + quote(text));
                }
                to = text.empty() ? to : std::move(text);
                return {};
            }};
}

} // namespace

std::vector<Field> server_fields(ServerConfig &config) {
    return {flag_field("enableServer", config.enabled),
            address_field("address", config.address),
            number_field("port", config.port, 1, kLastPort),
            address_field("healthzBindAddress", config.health_address),
            number_field("healthzPort", config.health_port, 0, kLastPort),
            number_field("readOnlyPort", config.read_only_port, 0, kLastPort),
            text_field("tlsCertFile", config.certificate),
            text_field("tlsPrivateKeyFile", config.key),
            flag_field("serverTLSBootstrap", config.cluster_signs),
            authentication_field(config),
            authorization_field(config)};
}

Status check(const ServerConfig &config) {
    for (const std::string &address : {config.address, config.health_address}) {
        if (!is_address(address)) {
            return fail(EINVAL, "want an IP address to listen on, not " + quote(address));
        }
    }
    if (config.certificate.empty() != config.key.empty()) {
        return fail(EINVAL, "tlsCertFile and tlsPrivateKeyFile: want both, or neither");
    }
    if (config.anonymous) {
        return fail(EINVAL, "authentication.anonymous.enabled: nobody is answered here without a name; want false");
    }
    if (config.read_only_port != 0) {
        return fail(EINVAL, "readOnlyPort: nobody is answered here without a name; want 0");
    }
    if (config.authorization != "Webhook") {
        return fail(EINVAL, "authorization.mode: whoever has a name could do everything here; want Webhook");
    }
    return {};
}

} // namespace ballast::agent
