// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "runtime/network/dns/message.h"

namespace ballast::dns {

// A container on a network, as others there know it.
struct Endpoint {
    std::string container = {};          // its id
    std::vector<std::string> names = {}; // its name first, which reverse look-ups tell; aliases, short id
    std::vector<Address> addresses = {};
};

// What one container may ask about.
struct View {
    std::vector<std::string> networks = {};                     // ids; the first that knows a name decides
    std::map<std::string, std::string, std::less<>> links = {}; // names of its own for others' names
};

// Who is called what on which network. A name that several containers of a network share (a service's) has all their
// addresses, in rotation. "web" is also "web.NETWORK". Any thread may call; nothing is kept on disk: whoever starts
// again tells again.
class Names {
  public:
    // A network's name, for what its containers are called in full. May come again.
    void add_network(const std::string &id, const std::string &name);
    void remove_network(const std::string &id);
    // In place of what that container was on that network before.
    void put(const std::string &network, Endpoint endpoint);
    void remove(const std::string &network, const std::string &container);
    void remove(const std::string &container); // from all networks

    // Nothing: nobody of the view's networks is called so. Without records: somebody is, but has none of that type.
    // `name` as in Query.
    std::optional<std::vector<Record>> look_up(const View &view, std::string_view name, std::uint16_t type);

  private:
    struct Addresses {
        std::vector<Address> v4, v6;
        std::size_t next_v4 = 0, next_v6 = 0; // of the rotation: apart, for clients ask for both in pairs
    };
    struct Hash : std::hash<std::string_view> {
        using is_transparent = void;
    };
    template <typename Value>
    using Table = std::unordered_map<std::string, Value, Hash, std::equal_to<>>;
    struct Network {
        std::string name;
        std::map<std::string, Endpoint> endpoints; // by their container
        Table<Addresses> by_name;                  // in lower case
        Table<std::string> by_reverse_name;
    };
    static void take_out(Network &network, const std::string &container);
    static void rebuild(Network &network, const Endpoint &changed);
    static Addresses *find(Network &network, std::string_view name);

    std::mutex mutex_;
    std::map<std::string, Network> networks_; // by id
};

} // namespace ballast::dns
