// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/networks.h"

#include <algorithm>
#include <net/if.h>
#include <sys/random.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "base/quote.h"
#include "base/rollback.h"
#include "runtime/network/record.h"
#include "runtime/network/state.h"

namespace ballast::network {
namespace {

constexpr std::uint64_t kLargestRecord = 1UL << 20;
constexpr const char *kDefaultName = "bridge";

void set_aside(const fs::path &file, const std::string &problem, Texts &warnings) {
    warnings.push_back(problem + "; set aside as " + file.filename().string() + ".broken");
    if (::rename(file.c_str(), (file.string() + ".broken").c_str()) != 0) {
        warnings.push_back(fail_errno("set aside " + file.string()).error().message);
    }
}

// What a write that was cut short has left.
void remove_unfinished(const fs::path &directory) {
    std::error_code error;
    for (const fs::directory_entry &entry : fs::directory_iterator(directory, error)) {
        if (entry.path().filename().string().starts_with(".ballast.")) {
            (void)unlink(entry.path().c_str()); // it harms nobody, and goes the next time
        }
    }
}

std::string machine_seed() { return read_file("/etc/machine-id", 64).value_or("ballast"); }

Network predefined(const char *name, Driver driver) {
    Network network;
    network.id = predefined_id(name);
    network.name = name;
    network.driver = driver;
    return network;
}

const char *text_of(bool value) { return value ? "true" : "false"; }

// What the configuration says about the default bridge, as if a user had asked for it.
NetworkRequest default_request(const Settings &settings) {
    NetworkRequest request;
    request.name = kDefaultName;
    request.ipv6 = settings.ipv6 || !settings.fixed_cidr_v6.empty();
    request.options = {
        {kDefaultBridge, "true"},
        {kBridgeName, settings.bridge.empty() ? Networks::kDefaultBridgeName : settings.bridge},
        {kIcc, text_of(settings.icc)},
        {kMasquerade, text_of(settings.masquerade)},
        {kHostBinding,
         settings.port_host && settings.port_host->family == Family::kV4 ? settings.port_host->text() : "0.0.0.0"},
        {kMtu, std::to_string(settings.mtu == 0 ? 1500 : settings.mtu)},
    };
    PoolRequest v4{.subnet = {}, .range = settings.fixed_cidr};
    if (const std::optional<Subnet> bip = Subnet::parse(settings.bip)) {
        v4.subnet = bip->network().text();
        v4.gateway = bip->address.text();
    } else if (const std::optional<Subnet> fixed = Subnet::parse(settings.fixed_cidr)) {
        v4.subnet = fixed->network().text();
    }
    request.pools.push_back(std::move(v4));
    if (!settings.fixed_cidr_v6.empty()) {
        const std::optional<Subnet> v6 = Subnet::parse(settings.fixed_cidr_v6);
        request.pools.push_back({.subnet = v6 ? v6->network().text() : settings.fixed_cidr_v6});
    }
    return request;
}

// With the subnets of the last time where the configuration names none.
NetworkRequest with_subnets_of(NetworkRequest request, const Network &before) {
    for (const Pool &pool : before.pools) {
        const bool v6 = pool.subnet.family() == Family::kV6;
        if (v6 && request.ipv6 && request.pools.size() < 2) {
            request.pools.push_back({.subnet = pool.subnet.text()});
        } else if (!v6 && request.pools[0].subnet.empty()) {
            request.pools[0].subnet = pool.subnet.text();
        }
    }
    return request;
}

} // namespace

std::string random_id() {
    std::array<unsigned char, 32> bytes{};
    // Fails only for larger requests and before the first entropy, for which it waits.
    while (getrandom(bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size())) {
    }
    return hexadecimal(bytes);
}

std::string predefined_id(std::string_view name) { return sha256("ballast network " + std::string(name)); }

Networks::Networks(std::unique_ptr<State> state) : state_(std::move(state)) {}
Networks::~Networks() = default;

Result<Surroundings> Networks::State::surroundings(Netlink &host, const std::string &bridge,
                                                   const std::string &without) const {
    Surroundings result{.pools = settings.pools.empty() ? default_pools(machine_seed()) : settings.pools,
                        .occupied = {},
                        .default_options = {}};
    if (std::ranges::none_of(result.pools, [](const DefaultPool &one) { return one.base.family() == Family::kV6; })) {
        result.pools.push_back(default_pools(machine_seed()).back()); // pools of one's own are of IPv4 as a rule
    }
    // 0: not there, and no route's either.
    std::set<unsigned> own = {if_nametoindex(bridge.c_str()), if_nametoindex(kDefaultBridgeName)};
    {
        const std::scoped_lock lock(mutex);
        for (const auto &[id, network] : networks) {
            if (network.driver != Driver::kBridge || id == without) {
                continue;
            }
            own.insert(if_nametoindex(network.bridge.c_str()));
            for (const Pool &pool : network.pools) {
                result.occupied.push_back({.subnet = pool.subnet, .holder = "network " + network.name});
            }
        }
    }
    for (const Netlink::Route &route : TRY(host.routes())) {
        std::array<char, IF_NAMESIZE> name{};
        const bool local = route.destination.family() == Family::kV6 && route.destination.address.bytes[0] == 0xfe;
        if (own.contains(route.index) || route.destination.prefix == 0 || local) {
            continue;
        }
        (void)if_indextoname(route.index, name.data()); // empty: it is gone
        result.occupied.push_back({.subnet = route.destination,
                                   .holder = std::string("the host's route by ") + name.data(),
                                   .is_route = !route.on_link});
    }
    return result;
}

Status Networks::State::load(Texts &warnings) {
    TRY(make_directories(settings.data_root / "networks", 0700));
    TRY(make_directories(settings.run_root / "network", 0700));
    TRY(make_directories(settings.run_root / "netns", 0700));
    remove_unfinished(settings.data_root / "networks");
    remove_unfinished(settings.run_root / "network");
    for (Network network : {predefined("host", Driver::kHost), predefined("none", Driver::kNull)}) {
        networks.emplace(network.id, network);
    }
    std::error_code error;
    std::set<std::string> names = {"host", "none"};
    for (const fs::directory_entry &entry : fs::directory_iterator(settings.data_root / "networks", error)) {
        const fs::path &file = entry.path();
        if (file.extension() != ".json") {
            continue; // set aside
        }
        const Result<std::string> text = read_file(file, kLargestRecord);
        Result<Network> network = text ? parse_network(*text, file) : Result<Network>(std::unexpected(text.error()));
        if (network && (network->id != file.stem() || !names.insert(network->name).second)) {
            network = fail(EINVAL, file.string() + ": is the record of another network");
        }
        if (!network) {
            set_aside(file, network.error().message, warnings);
            continue;
        }
        leases.emplace(network->id, Leases(*network));
        networks.emplace(network->id, std::move(*network));
    }
    for (const fs::directory_entry &entry : fs::directory_iterator(settings.run_root / "network", error)) {
        const fs::path &file = entry.path();
        if (file.extension() != ".json") {
            continue;
        }
        const Result<std::string> text = read_file(file, kLargestRecord);
        Result<Sandbox> sandbox = text ? parse_sandbox(*text, file) : Result<Sandbox>(std::unexpected(text.error()));
        if (sandbox && sandbox->container_id != file.stem()) {
            sandbox = fail(EINVAL, file.string() + ": is the record of another container");
        }
        if (!sandbox) {
            set_aside(file, sandbox.error().message, warnings);
            continue;
        }
        const std::string id = sandbox->container_id;
        sandboxes.emplace(id, Entry{.data = std::move(*sandbox), .name = id.substr(0, 12)});
    }
    return {};
}

// The default bridge is what the configuration says now; what that leaves open stays as it was.
Status Networks::State::define_default(Netlink &host) {
    const std::string id = predefined_id(kDefaultName);
    const auto before = networks.find(id);
    if (settings.bridge == "none") {
        networks.erase(id);
        leases.erase(id);
        return {};
    }
    const NetworkRequest request = default_request(settings);
    const Surroundings around = TRY(surroundings(host, request.options.at(kBridgeName), id));
    // Subnets of an operator's bridge are that bridge's alone.
    const bool again = before != networks.end() && before->second.foreign_bridge == !settings.bridge.empty();
    Result<Network> made = define(again ? with_subnets_of(request, before->second) : request, id, around);
    if (!made && again) {
        made = define(request, id, around); // the old subnets are somebody else's now
    }
    Network network = TRY(std::move(made));
    network.created_ns = before == networks.end() ? network.created_ns : before->second.created_ns;
    network.foreign_bridge = !settings.bridge.empty();
    network.port_host = settings.port_host;
    for (const auto &[text, router] : {std::pair(&settings.default_gateway, &network.router_v4),
                                       std::pair(&settings.default_gateway_v6, &network.router_v6)}) {
        *router = Address::parse(*text);
        const Pool *pool = *router ? network.pool((*router)->family) : nullptr;
        if (!text->empty() && (pool == nullptr || !pool->subnet.contains(**router))) {
            return fail(EINVAL, "default gateway " + escaped(*text) + " is in no subnet of the default bridge");
        }
    }
    if (network.foreign_bridge) {
        TRY(adopt_foreign(host, network));
    }
    if (before == networks.end() || record_text(before->second) != record_text(network)) {
        TRY(replace_file(record_of(network), record_text(network), 0600));
    }
    leases.insert_or_assign(id, Leases(network));
    networks.insert_or_assign(id, std::move(network));
    return {};
}

// The addresses of the operator's own bridge are its subnets, and its gateways.
Status Networks::State::adopt_foreign(Netlink &host, Network &network) const {
    const std::optional<Link> link = TRY(host.link(network.bridge));
    if (!link || link->kind != "bridge") {
        network.pools.clear(); // it may come later; until then containers cannot use it
        return {};
    }
    std::vector<Pool> pools;
    for (const Subnet &address : TRY(host.addresses(link->index))) {
        const bool seen =
            std::ranges::any_of(pools, [&](const Pool &one) { return one.subnet.family() == address.family(); });
        const bool link_local = address.family() == Family::kV6 && address.address.bytes[0] == 0xfe;
        if (!seen && !link_local && (address.family() == Family::kV4 || network.ipv6)) {
            const Pool *said = network.pool(address.family());
            Pool pool{.subnet = address.network(), .gateway = address.address};
            if (said != nullptr && said->range && pool.subnet.contains(*said->range)) {
                pool.range = said->range;
            }
            pools.push_back(std::move(pool));
        }
    }
    std::ranges::sort(pools, {}, [](const Pool &one) { return one.subnet; });
    network.pools = std::move(pools);
    return {};
}

Result<std::unique_ptr<Networks>> Networks::open(Settings settings, Texts &warnings) {
    auto state = std::make_unique<State>(std::move(settings));
    TRY(state->load(warnings));
    Netlink host = TRY(Netlink::open());
    if (const Status made = state->define_default(host); !made) {
        warnings.push_back("default bridge: " + made.error().message);
        state->networks.erase(predefined_id(kDefaultName));
        state->leases.erase(predefined_id(kDefaultName));
    }
    // Running containers keep their addresses and ports.
    for (const auto &[id, entry] : state->sandboxes) {
        for (const Endpoint &endpoint : entry.data.endpoints) {
            const auto found = state->leases.find(endpoint.network_id);
            for (const std::optional<Subnet> &one : {endpoint.v4, endpoint.v6}) {
                if (one && found != state->leases.end()) {
                    (void)found->second.take(one->address, endpoint.id); // of a subnet that is another by now
                }
            }
        }
        for (const std::string &problem : state->ports.hold_again(id, entry.name, entry.data.ports)) {
            warnings.push_back("container " + entry.name + ": " + problem);
        }
    }
    return std::unique_ptr<Networks>(new Networks(std::move(state)));
}

std::vector<Network> Networks::list() const {
    std::vector<Network> all;
    {
        const std::scoped_lock lock(state_->mutex);
        for (const auto &[id, network] : state_->networks) {
            all.push_back(network);
        }
    }
    std::ranges::sort(all, {}, &Network::name);
    return all;
}

Result<const Network *> Networks::State::find(const std::string &reference) const {
    const Network *found = nullptr;
    if (const auto exact = networks.find(reference); exact != networks.end()) {
        return &exact->second;
    }
    for (const auto &[id, network] : networks) {
        if (network.name == reference) {
            return &network;
        }
    }
    for (auto one = networks.lower_bound(reference);
         !reference.empty() && one != networks.end() && one->first.starts_with(reference); ++one) {
        if (found != nullptr) {
            return fail(EINVAL, "network " + reference + " is ambiguous (several ids begin with it)");
        }
        found = &one->second;
    }
    return found != nullptr ? Result<const Network *>(found)
                            : fail(ENOENT, "network " + escaped(reference.substr(0, 255)) + " not found");
}

Result<Network> Networks::find(const std::string &reference) const {
    const std::scoped_lock lock(state_->mutex);
    return *TRY(state_->find(reference));
}

Result<Network> Networks::create(const NetworkRequest &request) {
    State &state = *state_;
    const std::scoped_lock kernel(state.kernel);
    Netlink host = TRY(Netlink::open());
    {
        const std::scoped_lock lock(state.mutex);
        for (const auto &[id, other] : state.networks) {
            if (other.name == request.name) {
                return fail(EEXIST, "network with name " + escaped(request.name) + " already exists");
            }
        }
    }
    const auto bridge = request.options.find(kBridgeName);
    Surroundings around = TRY(state.surroundings(host, bridge == request.options.end() ? "" : bridge->second));
    around.default_options = state.settings.default_options;
    Network network = TRY(define(request, random_id(), around));
    for (const Network &other : list()) {
        if (other.bridge == network.bridge) {
            return fail(EEXIST, "networks have same bridge name: " + network.bridge + " is of network " + other.name);
        }
    }
    network.foreign_bridge = TRY(host.link(network.bridge)).has_value();
    TRY(replace_file(state.record_of(network), record_text(network), 0600));
    Rollback rollback;
    rollback.add([&state, network] { (void)unlink(state.record_of(network).c_str()); });
    {
        const std::scoped_lock lock(state.mutex);
        state.networks.emplace(network.id, network);
        state.leases.emplace(network.id, Leases(network));
    }
    rollback.add([&state, id = network.id] {
        const std::scoped_lock lock(state.mutex);
        state.networks.erase(id);
        state.leases.erase(id);
    });
    rollback.add([&host, &network] {
        NetlinkChanges undo;
        undo.delete_link(network.bridge);
        if (!network.foreign_bridge) {
            (void)host.apply(undo); // the error that matters is the first one
        }
    });
    TRY(state.realize(host, network.id));
    TRY(state.enable_forwarding(network.ipv6));
    TRY(state.replace_table());
    rollback.commit();
    return network;
}

Status Networks::remove(const std::string &reference) {
    State &state = *state_;
    {
        std::unique_lock lock(state.mutex); // without `kernel`, which the background may wait for
        state.drain(lock);
    }
    const std::scoped_lock kernel(state.kernel);
    Network network;
    {
        const std::scoped_lock lock(state.mutex);
        network = *TRY(state.find(reference));
        if (network.predefined()) {
            return fail(EPERM, network.name + " is a pre-defined network and cannot be removed");
        }
        if (state.leases.at(network.id).in_use()) {
            return fail(EBUSY, "error while removing network: network " + network.name + " id " + network.id +
                                   " has active endpoints");
        }
        state.networks.erase(network.id);
        state.leases.erase(network.id);
    }
    Netlink host = TRY(Netlink::open());
    NetlinkChanges changes;
    changes.delete_link(network.bridge);
    Status done = network.foreign_bridge ? Status() : host.apply(changes);
    if (done && unlink(state.record_of(network).c_str()) != 0) {
        done = fail_errno("remove " + state.record_of(network).string());
    }
    if (!done) { // still there: it can be removed again
        const std::scoped_lock lock(state.mutex);
        state.leases.emplace(network.id, Leases(network));
        state.networks.emplace(network.id, network);
        return done;
    }
    TRY(sync_directory(state.record_of(network).parent_path()));
    return state.replace_table();
}

std::optional<Sandbox> Networks::sandbox(const std::string &container_id) const {
    const std::scoped_lock lock(state_->mutex);
    const auto found = state_->sandboxes.find(container_id);
    return found == state_->sandboxes.end() ? std::nullopt : std::optional(found->second.data);
}

std::vector<Sandbox> Networks::sandboxes() const {
    const std::scoped_lock lock(state_->mutex);
    std::vector<Sandbox> all;
    for (const auto &[id, entry] : state_->sandboxes) {
        all.push_back(entry.data);
    }
    return all;
}

fs::path Networks::namespace_file(const std::string &container_id) const {
    return state_->settings.run_root / "netns" / container_id;
}

} // namespace ballast::network
