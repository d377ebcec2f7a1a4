// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "runtime/network/networks.h"
#include "tests/unit/check.h"

// A host of its own: a fresh network namespace that the test is in, with an interface "uplink" (192.0.2.1/24 and
// 2001:db8::1/64) and a neighbour outside (192.0.2.2, 2001:db8::2), whose default route leads to the host. All on a
// tmpfs of a mount namespace of its own.
namespace ballast::network_tests {

namespace fs = std::filesystem;
using namespace ballast::network;

class HostFixture {
  public:
    HostFixture();
    ~HostFixture();

    void open(Settings settings = {}, const std::set<std::string> &running = {});
    void close(); // as when the daemon is killed: nothing is taken away
    Networks &networks() { return *networks_; }

    // A container by its number: "1" is 1111…; reserved and built.
    Sandbox start(char number, const std::vector<EndpointWish> &endpoints = {{.network = "bridge"}},
                  const std::vector<PortRequest> &ports = {});
    static std::string id(char number) { return std::string(64, number); }
    fs::path container(char number) const { return networks_->namespace_file(id(number)); }
    fs::path outside() const { return root() / "outside"; }
    static fs::path host() { return "/proc/thread-self/ns/net"; }
    fs::path root() const { return directory_.path(); }

    Texts warnings; // of the last open()

  private:
    TemporaryDirectory directory_ = scratch();
    std::unique_ptr<Networks> networks_;
};

// The output of a program in the namespace that is mounted on `place`; HostFixture::host() for the host.
std::string output_in(const fs::path &place, const std::vector<std::string> &words);

// A server in a namespace. Answers each datagram, and each connection, with the address that it came from.
class Server {
  public:
    Server(const fs::path &place, Protocol protocol, const std::string &address, std::uint16_t port);
    ~Server();

  private:
    Fd socket_;
    Fd stop_;
    std::jthread thread_;
};

// What the server at the address says: where it saw the client. Empty: it was not reached within a second.
std::string ask_from(const fs::path &place, Protocol protocol, const std::string &address, std::uint16_t port);

PortRequest port_request(std::uint16_t container, std::uint16_t host, Protocol protocol = Protocol::kTcp,
                         const std::string &host_address = "");

} // namespace ballast::network_tests
