// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <netinet/in.h>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "tests/integration/network/own_host.h"

// What asks a resolver in a container's network namespace, and what answers it outside.
namespace ballast::dns::testing {

using namespace ballast::testing;

sockaddr_in at(const char *address, std::uint16_t port = 53);
// Connected to the resolver, or another.
Fd client_in(BorrowedFd network_namespace, int type, const char *server = "127.0.0.11");

// A query with the given id for a plain name.
std::string query(std::uint16_t id, std::string_view name, unsigned type = 1);
void send_query(const Fd &socket, const std::string &message); // a stream's gets its length
// Nothing within `patience`: it is over (a stream that was closed, a datagram that does not come).
std::optional<std::string> receive(const Fd &socket, std::chrono::milliseconds patience = std::chrono::seconds(10));
// The answer's code, then its addresses: "0 10.0.0.2"; "silence".
std::string ask(const Fd &socket, std::string_view name, unsigned type = 1);
std::string shown(const std::optional<std::string> &response);

// A name server by UDP and TCP. What it is asked, `answer` answers; nothing: it is silent.
class NameServerThread {
  public:
    struct Asked {
        std::string message;
        bool tcp = false;
        sockaddr_in from{};
        int socket = -1; // to send something else first
    };
    using Answer = std::function<std::optional<std::string>(const Asked &asked)>;
    NameServerThread(const char *address, Answer answer);
    ~NameServerThread();
    int count() const { return count_; }

  private:
    void run(const std::stop_token &stop);
    Answer answer_;
    Fd udp_, tcp_;
    std::atomic<int> count_ = 0;
    std::jthread thread_;
};

// The answer to that query: an address.
std::string addressed(const std::string &query, const char *address, std::size_t times = 1);

} // namespace ballast::dns::testing
