// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "runtime/network/address_pools.h"
#include "runtime/network/firewall.h"
#include "runtime/network/held_ports.h"
#include "runtime/network/kernel_events.h"
#include "runtime/network/netlink.h"
#include "runtime/network/networks.h"
#include "runtime/network/nftables.h"

// What the files of Networks share. Order of locks, outer first: `kernel`, `mutex`. `mutex` guards what we know and is
// held for moments; `kernel` is held while a network's bridge or the table of nftables changes.
namespace ballast::network {

class Networks::State {
  public:
    explicit State(Settings given) : settings(std::move(given)) {}
    ~State();

    // --- networks.cc
    fs::path record_of(const Network &network) const {
        return settings.data_root / "networks" / (network.id + ".json");
    }
    // What a network with that bridge keeps clear of: the bridge's own addresses are in nobody's way, nor is what the
    // network `without` was so far.
    Result<Surroundings> surroundings(Netlink &host, const std::string &bridge, const std::string &without = {}) const;
    Result<const Network *> find(const std::string &reference) const; // under `mutex`
    Status load(Texts &warnings);
    Status define_default(Netlink &host);
    Status adopt_foreign(Netlink &host, Network &network) const; // subnets of the operator's bridge

    // --- bridges.cc: under `kernel`
    // The bridge with its addresses, and the ports of running containers in it. Its index.
    Result<unsigned> realize(Netlink &host, const std::string &network_id);
    Status enable_forwarding(bool ipv6);
    FirewallPlan firewall_plan() const;
    Status replace_table();
    Status publish(const std::vector<PublishedPort> &ports);   // which sandboxes have already
    Status unpublish(const std::vector<PublishedPort> &ports); // which sandboxes have no more

    // --- sandboxes.cc
    fs::path sandbox_file(const std::string &id) const { return settings.run_root / "network" / (id + ".json"); }
    Status save(const Sandbox &sandbox) const;
    Result<Endpoint> lease(const Network &network, const EndpointWish &wish); // under `mutex`
    Result<Endpoint> lease_waiting(const EndpointWish &wish, std::unique_lock<std::mutex> &lock);
    void give_back(const Endpoint &endpoint); // under `mutex`
    Result<std::vector<PublishedPort>> hold_ports(const Sandbox &sandbox, const std::string &name,
                                                  const std::vector<PortRequest> &requests); // under `mutex`
    // In the namespace: loopback, the interfaces of `endpoints`, the default routes of all of the sandbox.
    Status furnish(Netlink &host, const Sandbox &sandbox, const std::vector<Endpoint> &endpoints, bool published,
                   BorrowedFd network_namespace);
    Status add_interface(Netlink &host, const Endpoint &endpoint, bool published, BorrowedFd network_namespace);
    Status republish(Sandbox &sandbox, const std::vector<PortRequest> &requests);

    // --- background.cc
    void start_background();
    void background_loop(const std::stop_token &stop);
    std::string bridge_name(const std::string &network_id) const;
    void take_kernel_events(KernelEvents &events);
    void remove_later(const std::vector<Endpoint> &endpoints); // under `mutex`
    void remove_removed();
    void drain(std::unique_lock<std::mutex> &lock); // until what is on its way out is gone

    // --- restore.cc
    void restore_sandboxes(Netlink &host, Texts &problems);
    void sweep(Netlink &host);

    const Settings settings;

    mutable std::mutex mutex;
    std::map<std::string, Network> networks; // by id
    std::map<std::string, Leases> leases;    // of those with a bridge, by id
    struct Entry {
        Sandbox data;
        std::string name; // of the container, for messages
    };
    std::map<std::string, Entry> sandboxes; // by the container's id
    HeldPorts ports;
    std::deque<Endpoint> leaving; // interfaces that go, and then their addresses
    std::size_t removing = 0;     // of those, how many are being removed at this moment
    std::condition_variable removed;

    std::mutex kernel;
    std::optional<Nftables> nftables;

    Fd wake;
    std::jthread background; // last: it ends first
};

// 64 random hexadecimal digits.
std::string random_id();
// The endpoint that has the default route of a family; nullptr: there is none.
const Endpoint *gateway_endpoint(const Sandbox &sandbox, Family family);

} // namespace ballast::network
