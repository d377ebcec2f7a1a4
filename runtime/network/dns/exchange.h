// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "runtime/network/dns/event_loop.h"
#include "runtime/network/dns/name_servers.h"

namespace ballast::dns {

// One question on its way to name servers and back. Each server is asked from a socket of its own, connected to it, so
// that the source port is the kernel's choice and others' datagrams do not arrive; with an id of its own; and only the
// answer to that very question counts. A server that is silent for two seconds, refuses or fails is followed by the
// next; three times at most are servers asked, a single one twice. Lives in the loop's thread.
class Exchange {
  public:
    // The response with the query's id. Nothing: no server answered. The exchange may be destroyed in it.
    using Done = std::function<void(std::optional<std::string> response)>;

    // `query` is one that read_query() took. `tcp`: as it came.
    Exchange(EventLoop &loop, std::vector<NameServer> servers, std::string query, bool tcp, Done done);
    ~Exchange();
    Exchange(const Exchange &) = delete;
    Exchange &operator=(const Exchange &) = delete;

    void start() { ask_next(); }

  private:
    void ask_next();
    bool ask(const NameServer &server);
    void leave();
    void ready(std::uint32_t events);
    void read_datagrams();
    void send_stream();
    void read_stream();
    void take(std::string response);

    EventLoop *loop_;
    std::vector<NameServer> servers_;
    std::string query_;
    std::uint16_t id_;
    bool tcp_;
    Done done_;
    std::size_t asked_ = 0;
    std::optional<std::string> refusal_; // the last answer of a server that could not
    Fd socket_;
    EventLoop::Key watch_ = 0, timeout_ = 0;
    std::string out_, in_; // of a stream
};

} // namespace ballast::dns
