// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"
#include "runtime/network/address.h"

// rtnetlink(7): links, addresses, routes and neighbours.
namespace ballast::network {

struct Link {
    unsigned index = 0;
    std::string name = {}, kind = {}; // "bridge", "veth"; empty: hardware
    std::string mac = {};             // "02:42:ac:11:00:02"
    unsigned master = 0;              // the bridge's index; 0: in none
    int mtu = 0;
    bool up = false;
};

struct VethSpec {
    std::string host_name = {};
    unsigned bridge = 0; // the index of the bridge that the host's end is a port of
    int mtu = 0;
    int container_namespace = -1; // descriptor of the namespace that the other end is made in
    std::string container_name = {};
    std::string mac = {};  // of the container's end
    bool isolated = false; // a port that reaches no other isolated port of the bridge
    bool hairpin = false;  // a port that frames may leave by that came in by it
};

class NetlinkMessage;

// Changes in the order in which the kernel makes them. Each goes its own way: one that fails stops no later one.
class NetlinkChanges {
  public:
    void add_bridge(const std::string &name, const std::string &mac, int mtu);
    void add_veth(const VethSpec &veth); // the host's end is up, the container's is not
    void set_up(unsigned index);
    void set_down(unsigned index);
    void set_mtu(const std::string &name, int mtu);
    void set_mac(unsigned index, const std::string &mac);
    void set_master(const std::string &name, unsigned bridge);
    void set_port(const std::string &name, bool isolated, bool hairpin);
    void delete_link(const std::string &name); // missing is fine
    // Without the wait for duplicates (IFA_F_NODAD); there already is fine. On a bridge the route to the subnet comes
    // with it.
    void add_address(unsigned index, const Subnet &address);
    void delete_address(unsigned index, const Subnet &address); // missing is fine
    // The default route of a family, in place of the one that there is.
    void set_default_route(unsigned index, const Address &gateway);
    void delete_default_route(Family family); // missing is fine

    bool empty() const { return requests_.empty(); }

  private:
    friend class Netlink;
    struct Request {
        std::string bytes; // with its header, whose sequence number is set when it is sent
        std::string what;  // for messages: "add eth0"
        std::vector<int> tolerated;
    };
    void push(NetlinkMessage &message, std::string what, std::initializer_list<int> tolerated = {});
    std::vector<Request> requests_;
};

// A socket in one network namespace. Not for several threads at a time.
class Netlink {
  public:
    static Result<Netlink> open(); // in the namespace of the calling thread
    Netlink(Netlink &&other) noexcept;
    Netlink &operator=(Netlink &&other) noexcept;
    ~Netlink();

    // All in one write, then the kernel's answers. The first failure that is not tolerated, after all were tried.
    Status apply(const NetlinkChanges &changes);
    Result<std::optional<Link>> link(const std::string &name);
    Result<std::vector<Link>> links();
    // IPv4 and IPv6 addresses of an interface.
    Result<std::vector<Subnet>> addresses(unsigned index);
    // Destinations of unicast routes in the main table, without default routes.
    struct Route {
        Subnet destination;
        unsigned index = 0;   // of the interface
        bool on_link = false; // without a gateway
    };
    Result<std::vector<Route>> routes();

  private:
    struct Socket;
    explicit Netlink(std::unique_ptr<Socket> socket);
    std::unique_ptr<Socket> socket_;
};

} // namespace ballast::network
