// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/network/model.h"

// Which subnet a network gets, and which address a container. Pure.
namespace ballast::network {

// Networks whose users name no subnet get one of `size` bits out of `base`.
struct DefaultPool {
    Subnet base;
    unsigned size = 0; // prefix length, from base.prefix up to that of an address
};

// Docker's: 172.17.0.0/16 to 172.31.0.0/16, then 192.168.0.0/20 and on. IPv6: a /64 out of a prefix of our own (RFC
// 4193) that `seed`, which is the machine's, makes.
std::vector<DefaultPool> default_pools(std::string_view seed);

// The first subnet of the pools that overlaps nothing in `taken`. ENOSPC.
Result<Subnet> choose_subnet(const std::vector<DefaultPool> &pools, Family family, const std::vector<Subnet> &taken);

// The addresses of one network that are taken, by whom.
class Leases {
  public:
    // The gateways, and the first and last address of IPv4 subnets, are taken from the start.
    explicit Leases(const Network &network);

    // The lowest free address of the family's pool. ENOSPC "no available IPv4 addresses on this network's address
    // pools: NAME (ID)". The network has a pool of the family.
    Result<Address> take_any(Family family, const std::string &holder);
    // EADDRINUSE; EINVAL when it is in no subnet.
    Status take(const Address &address, const std::string &holder);
    void give_back(const Address &address, const std::string &holder);
    bool in_use() const; // by any container
    // How many containers have an address of the family.
    std::size_t count(Family family) const;

  private:
    std::string name_, id_;
    std::vector<Pool> pools_;
    std::map<Address, std::string> taken_; // "" as the holder: for ever
};

} // namespace ballast::network
