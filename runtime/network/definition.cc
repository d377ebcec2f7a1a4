// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/definition.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <chrono>

#include "base/quote.h"

namespace ballast::network {
namespace {

constexpr std::size_t kLongestName = 255, kLongestInterface = 15, kLongestPrefix = 11;
constexpr int kLeastMtu = 68, kLeastMtuV6 = 1280, kMostMtu = 65535;
constexpr unsigned kLongestV6 = 124; // room for a gateway and some containers

std::unexpected<Error> bad_option(const std::string &name, const std::string &value, const std::string &wanted) {
    return fail(EINVAL, "option " + name + ": want " + wanted + ", have " + quote(value.substr(0, 200)));
}

Result<bool> flag_of(const std::string &name, const std::string &value) {
    constexpr std::array kYes = std::to_array<std::string_view>({"1", "t", "T", "true", "TRUE", "True"});
    constexpr std::array kNo = std::to_array<std::string_view>({"0", "f", "F", "false", "FALSE", "False"});
    if (std::ranges::contains(kYes, value)) {
        return true;
    }
    return std::ranges::contains(kNo, value) ? Result<bool>(false) : bad_option(name, value, "true or false");
}

Result<std::optional<Address>> address_of(const std::string &name, const std::string &value, Family family) {
    if (value.empty()) {
        return std::optional<Address>();
    }
    const std::optional<Address> address = Address::parse(value);
    return address && address->family == family
               ? Result<std::optional<Address>>(address)
               : bad_option(name, value, family == Family::kV4 ? "an IPv4 address" : "an IPv6 address");
}

Result<int> mtu_of(const std::string &value, bool ipv6) {
    int mtu = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), mtu);
    const int least = ipv6 ? kLeastMtuV6 : kLeastMtu;
    const bool whole = error == std::errc() && end == value.data() + value.size();
    if (!whole || (mtu != 0 && (mtu < least || mtu > kMostMtu))) {
        return bad_option(kMtu, value, "0 or " + std::to_string(least) + " to " + std::to_string(kMostMtu));
    }
    return mtu;
}

Status apply_option(Network &network, const std::string &name, const std::string &value) {
    if (name == kBridgeName) {
        if (!is_interface_name(value)) {
            return bad_option(name, value, "an interface's name of at most 15 characters");
        }
        network.bridge = value;
    } else if (name == kIcc) {
        network.icc = TRY(flag_of(name, value));
    } else if (name == kMasquerade) {
        network.masquerade = TRY(flag_of(name, value));
    } else if (name == kHostBinding) {
        network.port_host = TRY(address_of(name, value, Family::kV4));
        if (network.port_host && network.port_host->is_any()) {
            network.port_host.reset();
        }
    } else if (name == kHostIpv4) {
        network.source_v4 = TRY(address_of(name, value, Family::kV4));
    } else if (name == kHostIpv6) {
        network.source_v6 = TRY(address_of(name, value, Family::kV6));
    } else if (name == kInhibitIpv4) {
        network.inhibit_v4 = TRY(flag_of(name, value));
    } else if (name == kMtu) {
        network.mtu = TRY(mtu_of(value, network.ipv6));
    } else if (name == kInterfacePrefix) {
        if (!is_interface_name(value) || value.size() > kLongestPrefix || value == "lo") {
            return bad_option(name, value, "a prefix of at most 11 characters");
        }
        network.interface = value;
    }
    return {};
}

Result<Subnet> subnet_of(const std::string &text) {
    const std::optional<Subnet> subnet = Subnet::parse(text);
    if (!subnet) {
        return fail(EINVAL, "invalid subnet " + quote(text.substr(0, 100)) + ": want one like 10.1.0.0/16");
    }
    const bool usable = subnet->family() == Family::kV4 ? subnet->prefix >= 4 && subnet->prefix <= 31
                                                        : subnet->prefix >= 8 && subnet->prefix <= kLongestV6;
    if (!usable || subnet->address.is_multicast() || subnet->address.is_loopback()) {
        return fail(EINVAL, "invalid subnet " + text + ": containers cannot have addresses of it");
    }
    if (subnet->address != subnet->base()) {
        return fail(EINVAL, "invalid subnet " + text + ": it should be " + subnet->network().text());
    }
    return *subnet;
}

Result<Address> address_in(const std::string &text, const Subnet &subnet, const std::string &what) {
    const std::string plain = text.substr(0, text.find('/'));
    const std::optional<Address> address = Address::parse(plain);
    if (!address) {
        return fail(EINVAL, "invalid " + what + " " + quote(text.substr(0, 100)));
    }
    if (!subnet.contains(*address)) {
        return fail(EINVAL, "invalid " + what + " " + text + ": it is not in the subnet " + subnet.text());
    }
    return *address;
}

Result<Pool> pool_of(const PoolRequest &request, const Subnet &subnet) {
    Pool pool{.subnet = subnet};
    if (!request.range.empty()) {
        pool.range = Subnet::parse(request.range);
        if (!pool.range || !subnet.contains(*pool.range)) {
            return fail(EINVAL, "invalid ip-range " + quote(request.range.substr(0, 100)) +
                                    ": it is not in the subnet " + subnet.text());
        }
        pool.range = pool.range->network();
    }
    if (!request.gateway.empty()) {
        pool.gateway = TRY(address_in(request.gateway, subnet, "gateway"));
    }
    for (const auto &[name, text] : request.others) {
        pool.others[name] = TRY(address_in(text, subnet, "auxiliary address"));
    }
    return pool;
}

// The first address that nothing else has.
Status choose_gateway(Pool &pool) {
    if (pool.gateway) {
        return {};
    }
    const Subnet from = pool.range.value_or(pool.subnet);
    const bool no_ends = pool.subnet.family() == Family::kV4 && pool.subnet.prefix == 31; // RFC 3021
    const std::uint64_t first = from.base() == pool.subnet.base() && !no_ends ? 1 : 0;
    for (std::uint64_t offset = first; offset <= from.last_offset(); offset++) {
        const Address candidate = from.base().plus(offset);
        const bool taken = std::ranges::any_of(pool.others, [&](const auto &one) { return one.second == candidate; });
        if (!taken) {
            pool.gateway = candidate;
            return {};
        }
    }
    return fail(ENOSPC, "no address is left for the gateway of " + pool.subnet.text());
}

Status check_overlap(const Subnet &subnet, const std::vector<OccupiedSubnet> &occupied) {
    for (const OccupiedSubnet &other : occupied) {
        if (!other.is_route && other.subnet.overlaps(subnet)) {
            return fail(EEXIST, "invalid pool request: Pool overlaps with other one on this address space: " +
                                    subnet.text() + " overlaps with " + other.subnet.text() + " of " + other.holder);
        }
    }
    return {};
}

Result<std::vector<Pool>> plan_pools(const NetworkRequest &request, const Surroundings &surroundings) {
    std::vector<Pool> pools;
    std::vector<Subnet> taken;
    for (const OccupiedSubnet &one : surroundings.occupied) {
        taken.push_back(one.subnet);
    }
    for (const Family family : {Family::kV4, Family::kV6}) {
        std::vector<const PoolRequest *> asked;
        for (const PoolRequest &one : request.pools) {
            const bool is_v6 = (one.subnet + one.gateway + one.range).contains(':');
            if (is_v6 == (family == Family::kV6)) {
                asked.push_back(&one);
            }
        }
        if (asked.size() > 1) {
            return fail(EINVAL, "bridge driver doesn't support multiple subnets of one family");
        }
        if (family == Family::kV6 && !request.ipv6) {
            if (!asked.empty()) {
                return fail(EINVAL, "subnet " + escaped(asked[0]->subnet) +
                                        " is of IPv6, which is not enabled for the "
                                        "network: use --ipv6");
            }
            continue;
        }
        const bool said = !asked.empty() && !asked[0]->subnet.empty();
        const Subnet subnet =
            said ? TRY(subnet_of(asked[0]->subnet)) : TRY(choose_subnet(surroundings.pools, family, taken));
        if (said) {
            TRY(check_overlap(subnet, surroundings.occupied));
        }
        Pool pool = TRY(pool_of(asked.empty() ? PoolRequest{} : *asked[0], subnet));
        TRY(choose_gateway(pool));
        pools.push_back(std::move(pool));
    }
    return pools;
}

} // namespace

bool is_interface_name(const std::string &name) {
    return !name.empty() && name.size() <= kLongestInterface && name != "." && name != ".." &&
           std::ranges::all_of(
               name, [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '-' || c == '.'; });
}

Status check_network_name(const std::string &name) {
    const bool valid =
        !name.empty() && name.size() <= kLongestName && std::isalnum(static_cast<unsigned char>(name.front())) != 0 &&
        std::ranges::all_of(name,
                            [](unsigned char c) { return std::isalnum(c) != 0 || c == '_' || c == '.' || c == '-'; });
    return valid ? Status()
                 : fail(EINVAL, "invalid network name " + quote(name.substr(0, kLongestName)) +
                                    ": want [a-zA-Z0-9][a-zA-Z0-9_.-]*");
}

Status apply_options(Network &network) {
    for (const auto &[name, value] : network.options) {
        TRY(apply_option(network, name, value));
    }
    if (network.driver == Driver::kBridge && network.bridge.empty()) {
        network.bridge = "br-" + network.id.substr(0, 12);
    }
    return {};
}

Result<Network> define(const NetworkRequest &request, const std::string &id, const Surroundings &surroundings) {
    TRY(check_network_name(request.name));
    if (!request.driver.empty() && request.driver != "bridge") {
        constexpr std::array kOthers = std::to_array<std::string_view>({"host", "null", "none"});
        return std::ranges::contains(kOthers, request.driver)
                   ? fail(EPERM, "only one instance of \"" + request.driver + "\" network is allowed")
                   : fail(ENOENT, "plugin " + quote(request.driver.substr(0, 100)) +
                                      " not found: this engine has the network driver bridge");
    }
    if (!request.ipam_driver.empty() && request.ipam_driver != "default") {
        return fail(ENOENT,
                    "IPAM driver " + quote(request.ipam_driver.substr(0, 100)) + " not found: this engine has default");
    }
    Network network;
    network.id = id;
    network.name = request.name;
    network.created_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::system_clock::now().time_since_epoch())
            .count();
    network.internal = request.internal;
    network.ipv6 = request.ipv6;
    network.attachable = request.attachable;
    network.options = request.options;
    network.options.insert(surroundings.default_options.begin(), surroundings.default_options.end());
    network.labels = request.labels;
    network.ipam_options = request.ipam_options;
    TRY(apply_options(network));
    network.pools = TRY(plan_pools(request, surroundings));
    return network;
}

} // namespace ballast::network
