// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/address_pools.h"

#include <algorithm>

#include "base/digest.h"

namespace ballast::network {
namespace {

constexpr unsigned kSmallestWithEnds = 30; // an IPv4 subnet with a longer prefix has no address of its own (RFC 3021)
constexpr int kMostSteps = 1 << 20;

Subnet subnet_of(const char *text) { return *Subnet::parse(text); }

const char *family_name(Family family) { return family == Family::kV4 ? "IPv4" : "IPv6"; }

// fd00::/8, then 40 bits that nobody else has: RFC 4193.
Subnet unique_prefix(std::string_view seed) {
    Subnet subnet{.address = Address::any(Family::kV6), .prefix = 48};
    subnet.address.bytes[0] = 0xfd;
    const std::string digest = sha256("ballast unique local prefix " + std::string(seed));
    for (std::size_t index = 1; index < 6; index++) {
        subnet.address.bytes[index] = static_cast<std::uint8_t>(std::stoi(digest.substr(index * 2, 2), nullptr, 16));
    }
    return subnet;
}

// The subnet behind `subnet`; nothing when that would begin at 0 again.
std::optional<Subnet> next(const Subnet &subnet) {
    const Subnet following{.address = subnet.last().plus(1), .prefix = subnet.prefix};
    return following.address.is_any() ? std::nullopt : std::optional(following);
}

} // namespace

std::vector<DefaultPool> default_pools(std::string_view seed) {
    return {{subnet_of("172.17.0.0/16"), 16},  {subnet_of("172.18.0.0/16"), 16}, {subnet_of("172.19.0.0/16"), 16},
            {subnet_of("172.20.0.0/14"), 16},  {subnet_of("172.24.0.0/14"), 16}, {subnet_of("172.28.0.0/14"), 16},
            {subnet_of("192.168.0.0/16"), 20}, {unique_prefix(seed), 64}};
}

Result<Subnet> choose_subnet(const std::vector<DefaultPool> &pools, Family family, const std::vector<Subnet> &taken) {
    for (const DefaultPool &pool : pools) {
        if (pool.base.family() != family) {
            continue;
        }
        std::optional<Subnet> candidate = Subnet{.address = pool.base.base(), .prefix = pool.size};
        for (int step = 0; step < kMostSteps && candidate && pool.base.contains(*candidate); step++) {
            const auto other = std::ranges::find_if(taken, [&](const Subnet &one) { return one.overlaps(*candidate); });
            if (other == taken.end()) {
                return *candidate;
            }
            // Behind a larger one in one step.
            candidate = next(
                other->prefix < candidate->prefix
                    ? Subnet{.address = Subnet{other->last(), candidate->prefix}.base(), .prefix = candidate->prefix}
                    : *candidate);
        }
    }
    return fail(ENOSPC, std::string("could not find an available, non-overlapping ") + family_name(family) +
                            " address pool among the defaults to assign to the network; name a subnet, or add pools "
                            "to default-address-pools");
}

Leases::Leases(const Network &network) : name_(network.name), id_(network.id), pools_(network.pools) {
    for (const Pool &pool : pools_) {
        const Subnet &subnet = pool.subnet;
        if (subnet.family() == Family::kV6 || subnet.prefix <= kSmallestWithEnds) {
            taken_[subnet.base()] = ""; // of IPv6: the routers' anycast address
        }
        if (subnet.family() == Family::kV4 && subnet.prefix <= kSmallestWithEnds) {
            taken_[subnet.last()] = "";
        }
        if (pool.gateway) {
            taken_[*pool.gateway] = "";
        }
        for (const std::optional<Address> &router : {network.router_v4, network.router_v6}) {
            if (router) {
                taken_[*router] = "";
            }
        }
        for (const auto &[name, address] : pool.others) {
            taken_[address] = "";
        }
    }
}

Result<Address> Leases::take_any(Family family, const std::string &holder) {
    for (const Pool &pool : pools_) {
        if (pool.subnet.family() != family) {
            continue;
        }
        const Subnet range = pool.range.value_or(pool.subnet);
        Address candidate = range.base();
        // Both go up: as many steps as there are addresses taken.
        for (auto taken = taken_.lower_bound(candidate); taken != taken_.end() && taken->first == candidate; ++taken) {
            candidate = candidate.plus(1);
        }
        if (range.contains(candidate)) {
            taken_[candidate] = holder;
            return candidate;
        }
    }
    return fail(ENOSPC, std::string("no available ") + family_name(family) +
                            " addresses on this network's address pools: " + name_ + " (" + id_ + ")");
}

Status Leases::take(const Address &address, const std::string &holder) {
    const bool belongs = std::ranges::any_of(pools_, [&](const Pool &pool) { return pool.subnet.contains(address); });
    if (!belongs) {
        return fail(EINVAL,
                    "invalid address " + address.text() + ": It does not belong to any of this network's subnets");
    }
    const auto [place, fresh] = taken_.emplace(address, holder);
    if (!fresh && (place->second != holder || holder.empty())) {
        return fail(EADDRINUSE, "Address already in use: " + address.text() + " belongs to " +
                                    (place->second.empty() ? "network " + name_ + " itself"
                                                           : "container " + place->second.substr(0, 12)));
    }
    return {};
}

void Leases::give_back(const Address &address, const std::string &holder) {
    if (const auto found = taken_.find(address); found != taken_.end() && found->second == holder) {
        taken_.erase(found);
    }
}

bool Leases::in_use() const {
    return std::ranges::any_of(taken_, [](const auto &one) { return !one.second.empty(); });
}

std::size_t Leases::count(Family family) const {
    return static_cast<std::size_t>(std::ranges::count_if(
        taken_, [family](const auto &one) { return !one.second.empty() && one.first.family == family; }));
}

} // namespace ballast::network
