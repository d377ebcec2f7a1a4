// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/network/definition.h"
#include "runtime/network/model.h"
#include "runtime/network/port_requests.h"

// The engine's networks, and what containers have of them:
//
//   DATA/networks/ID.json     a network, written before its bridge is made and removed after it is gone
//   RUN/network/ID.json       what a running container has (Sandbox), written before any of it is made: its leases, the
//                             interfaces to look for after a crash. Gone with a reboot, as its container is
//   RUN/netns/ID              its network namespace, mounted
//
// Thread-safe. Errors have the words that clients of Docker know. What is done to one container at a time is the
// caller's business: reserve, build, connect, disconnect and release of the same one never run side by side.
namespace ballast::network {

namespace fs = std::filesystem;

struct Settings {
    fs::path data_root = "/var/lib/ballast", run_root = "/run/ballast";
    std::string bridge = {}; // of the default network: the operator's; empty: our own; "none": no network
    std::string bip = {};    // its address and prefix; empty: from the pools
    std::string fixed_cidr = {}, fixed_cidr_v6 = {}, default_gateway = {}, default_gateway_v6 = {};
    bool icc = true, ipv6 = false, masquerade = true;
    int mtu = 0;
    std::optional<Address> port_host = {}; // where ports are published that do not say; absent: everywhere
    bool filter_v4 = true, filter_v6 = true, forwarding = true;
    std::vector<DefaultPool> pools = {}; // empty: default_pools()
    Options default_options = {};        // of new networks
};

// What a container wants of one network.
struct EndpointWish {
    std::string network = {};               // name or id
    std::string v4 = {}, v6 = {}, mac = {}; // empty: any
    int gateway_priority = 0;               // the highest has the default route; then the first by name
};

struct SandboxWish {
    std::string container_id = {}, container_name = {};
    std::vector<EndpointWish> endpoints = {}; // eth0 is of the first
    std::vector<PortRequest> ports = {};
};

class Networks {
  public:
    static constexpr const char *kDefaultBridgeName = "ballast0";

    // Reads what there is; networks whose file does not read are set aside as ID.json.broken. Touches nothing of the
    // kernel yet. `warnings` tells.
    static Result<std::unique_ptr<Networks>> open(Settings settings, Texts &warnings);
    ~Networks();
    Networks(const Networks &) = delete;
    Networks &operator=(const Networks &) = delete;

    // Makes bridges, interfaces and rules as they should be, takes away what containers that do not run any more have
    // left, and goes on to do so when somebody takes a bridge or the table away. What cannot be mended is told.
    Texts restore(const std::set<std::string> &running);

    std::vector<Network> list() const; // by name
    // By name, id, or a prefix of one id. ENOENT "network X not found".
    Result<Network> find(const std::string &reference) const;
    // EEXIST "network with name X already exists".
    Result<Network> create(const NetworkRequest &request);
    // EPERM of predefined ones; EBUSY while containers have endpoints in it.
    Status remove(const std::string &reference);

    // Addresses and ports for a container that is about to start, all or none. Nothing of the kernel is made but the
    // sockets that hold the ports.
    Result<Sandbox> reserve(const SandboxWish &wish);
    // Makes the namespace of a reserved sandbox and all in it. Any thread may; the one that reserved need not wait.
    // `user_namespace`: whose it is; none: ours.
    Status build(const std::string &container_id, BorrowedFd user_namespace = BorrowedFd(-1));
    // To and from a network while the container runs. `ports` are those of the container, published anew when its
    // default route moves.
    Result<Sandbox> connect(const std::string &container_id, const EndpointWish &wish,
                            const std::vector<PortRequest> &ports);
    Result<Sandbox> disconnect(const std::string &container_id, const std::string &network,
                               const std::vector<PortRequest> &ports);
    // All that a container has, gone. Interfaces go in the background; their addresses are free once they have.
    void release(const std::string &container_id);

    std::optional<Sandbox> sandbox(const std::string &container_id) const;
    std::vector<Sandbox> sandboxes() const;
    fs::path namespace_file(const std::string &container_id) const;

    class State;

  private:
    explicit Networks(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

// The id of a predefined network, the same on every machine.
std::string predefined_id(std::string_view name);

} // namespace ballast::network
