// SPDX-License-Identifier: Apache-2.0
#include "runtime/config/network_keys.h"

#include <array>
#include <format>

namespace ballast::config {
namespace {

constexpr int kLongestV4 = 30, kLongestV6 = 124; // prefixes with room for a gateway and a container

} // namespace

Status read_mtu(const YamlNode &root, const char *key, EngineConfig &config) {
    config.network.mtu = static_cast<int>(TRY(root.integer_or(key, 0, 0, 65535)));
    return {};
}

Status read_address_pools(const YamlNode &root, const char *key, EngineConfig &config) {
    static constexpr std::array kKeys{"base", "size"};
    for (const YamlNode &item : TRY(TRY(root.at(key)).items())) {
        TRY(refuse_unknown(item, kKeys));
        AddressPool pool{TRY(item.string("base")), static_cast<int>(TRY(item.integer_or("size", 0, 1, 128)))};
        const std::optional<int> prefix = prefix_of(pool.base);
        if (!prefix) {
            return wrong(item, "\"base\" must be a network, like 10.200.0.0/16");
        }
        const int most = pool.base.contains(':') ? kLongestV6 : kLongestV4;
        if (*prefix > most) {
            return wrong(item, std::format("\"base\" {} is too small: no network fits in", pool.base));
        }
        if (pool.size < *prefix || pool.size > most) {
            return wrong(item, std::format("\"size\" must be {} to {}: it is the prefix of the networks that are taken "
                                           "from {}",
                                           *prefix, most, pool.base));
        }
        config.network.address_pools.push_back(std::move(pool));
    }
    return {};
}

Status read_network_options(const YamlNode &root, const char *key, EngineConfig &config) {
    for (const auto &[driver, options] : TRY(TRY(root.at(key)).members())) {
        config.network.options[driver] = TRY(texts_by_name(options));
    }
    return {};
}

} // namespace ballast::config
