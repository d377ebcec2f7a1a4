// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/dns/names.h"

#include <algorithm>

namespace ballast::dns {
namespace {

void rotate_into(std::vector<Record> &records, const std::vector<Address> &addresses, std::size_t &next) {
    for (std::size_t i = 0; i < addresses.size(); i++) {
        records.emplace_back(addresses[(next + i) % addresses.size()]);
    }
    next = addresses.empty() ? 0 : (next + 1) % addresses.size();
}

} // namespace

void Names::add_network(const std::string &id, const std::string &name) {
    const std::scoped_lock lock(mutex_);
    networks_[id].name = lower_case(name);
}

void Names::remove_network(const std::string &id) {
    const std::scoped_lock lock(mutex_);
    networks_.erase(id);
}

// The entries that `changed` has, or had, anew from all endpoints that share them.
void Names::rebuild(Network &network, const Endpoint &changed) {
    for (const std::string &name : changed.names) {
        Addresses addresses;
        for (const auto &[id, endpoint] : network.endpoints) {
            if (!std::ranges::contains(endpoint.names, name)) {
                continue;
            }
            for (const Address &address : endpoint.addresses) {
                (address.family == network::Family::kV4 ? addresses.v4 : addresses.v6).push_back(address);
            }
        }
        const bool known = std::ranges::any_of(
            network.endpoints, [&name](const auto &entry) { return std::ranges::contains(entry.second.names, name); });
        if (known) {
            network.by_name[name] = std::move(addresses);
        } else {
            network.by_name.erase(name);
        }
    }
}

void Names::take_out(Network &network, const std::string &container) {
    auto gone = network.endpoints.extract(container);
    if (gone.empty()) {
        return;
    }
    for (const Address &address : gone.mapped().addresses) {
        network.by_reverse_name.erase(reverse_name(address));
    }
    rebuild(network, gone.mapped());
}

void Names::put(const std::string &network, Endpoint endpoint) {
    const std::string called = endpoint.names.empty() ? "" : endpoint.names.front();
    for (std::string &name : endpoint.names) {
        name = lower_case(name);
    }
    const std::scoped_lock lock(mutex_);
    Network &place = networks_[network];
    take_out(place, endpoint.container);
    for (const Address &address : endpoint.addresses) {
        place.by_reverse_name[reverse_name(address)] = called;
    }
    const Endpoint &put = place.endpoints[endpoint.container] = std::move(endpoint);
    rebuild(place, put);
}

void Names::remove(const std::string &network, const std::string &container) {
    const std::scoped_lock lock(mutex_);
    if (const auto place = networks_.find(network); place != networks_.end()) {
        take_out(place->second, container);
    }
}

void Names::remove(const std::string &container) {
    const std::scoped_lock lock(mutex_);
    for (auto &[id, network] : networks_) {
        take_out(network, container);
    }
}

Names::Addresses *Names::find(Network &network, std::string_view name) {
    if (const auto found = network.by_name.find(name); found != network.by_name.end()) {
        return &found->second;
    }
    const std::string_view own = network.name;
    if (own.empty() || name.size() <= own.size() + 1 || !name.ends_with(own) ||
        name[name.size() - own.size() - 1] != '.') {
        return nullptr;
    }
    const auto found = network.by_name.find(name.substr(0, name.size() - own.size() - 1));
    return found != network.by_name.end() ? &found->second : nullptr;
}

std::optional<std::vector<Record>> Names::look_up(const View &view, std::string_view name, std::uint16_t type) {
    if (const auto link = view.links.find(name); link != view.links.end()) {
        name = link->second;
    }
    const std::scoped_lock lock(mutex_);
    for (const std::string &id : view.networks) {
        const auto place = networks_.find(id);
        if (place == networks_.end()) {
            continue;
        }
        Network &network = place->second;
        std::vector<Record> records;
        if (Addresses *addresses = find(network, name)) {
            if (type == kA || type == kAny) {
                rotate_into(records, addresses->v4, addresses->next_v4);
            }
            if (type == kAaaa || type == kAny) {
                rotate_into(records, addresses->v6, addresses->next_v6);
            }
            return records;
        }
        if (const auto reverse = network.by_reverse_name.find(name); reverse != network.by_reverse_name.end()) {
            if (type == kPtr || type == kAny) {
                records.emplace_back(network.name.empty() ? reverse->second : reverse->second + "." + network.name);
            }
            return records;
        }
    }
    return std::nullopt;
}

} // namespace ballast::dns
