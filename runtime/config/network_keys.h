// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "runtime/config/engine_config.h"
#include "runtime/config/reading.h"
#include "runtime/config/values.h"

// The keys of the engine's configuration that are about networks.
namespace ballast::config {

template <auto Member>
Status read_network_text(const YamlNode &root, const char *key, EngineConfig &config) {
    config.network.*Member = TRY(root.string(key));
    return {};
}

template <auto Member>
Status read_network_flag(const YamlNode &root, const char *key, EngineConfig &config) {
    config.network.*Member = TRY(root.boolean_or(key, config.network.*Member));
    return {};
}

template <auto Member>
Status read_network_address(const YamlNode &root, const char *key, EngineConfig &config) {
    config.network.*Member = TRY(root.string(key));
    return is_ip_address(config.network.*Member) ? Status() : wrong_at(root, key, "must be an IP address");
}

template <auto Member>
Status read_network_cidr(const YamlNode &root, const char *key, EngineConfig &config) {
    config.network.*Member = TRY(root.string(key));
    return is_cidr(config.network.*Member) ? Status()
                                           : wrong_at(root, key, "must be an address with a prefix, like 10.0.0.1/24");
}

Status read_mtu(const YamlNode &root, const char *key, EngineConfig &config);
Status read_address_pools(const YamlNode &root, const char *key, EngineConfig &config);
Status read_network_options(const YamlNode &root, const char *key, EngineConfig &config);

} // namespace ballast::config
