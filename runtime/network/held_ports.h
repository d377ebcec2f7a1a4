// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/network/model.h"
#include "runtime/network/port_requests.h"

namespace ballast::network {

// Where a container's ports lead.
struct PortTargets {
    std::optional<Address> v4 = {}, v6 = {}; // of the container
    std::optional<Address> host = {};        // for requests that name no address; absent: all of both families
};

// The host's ports that containers have. Each is held by a socket that is bound to it and that never listens, so the
// kernel tells us which ports others have, and tells others which ones are taken; nothing is ever received by it. A
// port on all addresses is the same number of IPv4 and IPv6. Not for several threads at a time.
class HeldPorts {
  public:
    // All or none. EADDRINUSE "Bind for 0.0.0.0:8080 failed: port is already allocated: WHO has it"; EADDRNOTAVAIL for
    // an address that the host does not have.
    Result<std::vector<PublishedPort>> hold(const std::string &container, const std::string &container_name,
                                            const std::vector<PortRequest> &requests, const PortTargets &targets);
    // Of a container that runs since before us. Ports that others have taken meanwhile are told, and stay published.
    Texts hold_again(const std::string &container, const std::string &container_name,
                     const std::vector<PublishedPort> &ports);
    void release(const std::string &container);

  private:
    using Key = std::tuple<Protocol, Address, std::uint16_t>;
    struct Holding {
        std::string container, container_name;
        Fd socket; // closed for SCTP where the kernel has none
    };
    using Holdings = std::map<Key, Holding>;
    Result<std::vector<PublishedPort>> hold_one(Holdings &fresh, const Holding &holder, const PortRequest &request,
                                                const PortTargets &targets);
    Status bind_all(Holdings &fresh, const Holding &holder, const std::vector<PublishedPort> &ports) const;
    Result<Fd> bind(const PublishedPort &port) const;
    std::string holder_of(const PublishedPort &port) const; // "container web", "nginx (process 12)"

    Holdings held_;
    std::uint16_t next_ephemeral_ = 0;
};

} // namespace ballast::network
