// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/fd.h"
#include "base/http/exchange.h"
#include "base/result.h"

namespace ballast::http {

// Runs on the connection's own thread and may block. An exchange that it left unanswered is answered with 500.
using Handler = std::function<void(Exchange &)>;

// HTTP/1.1 over listening sockets of any family, one thread per connection. Signals are blocked in all of its threads.
class Server {
  public:
    static Result<Server> start(std::vector<Fd> listeners, Handler handler, const Limits &limits = {});
    Server(Server &&) noexcept;
    Server &operator=(Server &&) noexcept;
    // stop() without grace; waits for every handler.
    ~Server();

    // Accepts nothing more, ends idle connections, tells handlers (Exchange::wait) and gives them that time to end;
    // then cuts their connections off. ETIMEDOUT when a handler still runs a second later: the program then has to end
    // without destroying this, which would wait for it.
    Status stop(std::chrono::milliseconds grace);

    // A connection that somebody else has accepted, and whose it is; nothing: the socket says. Not beside or after
    // stop().
    void take(Fd socket, std::optional<Peer> peer = std::nullopt);

    std::size_t connections() const;
    // Does the accepting thread answer? For health checks.
    bool answers(std::chrono::milliseconds time);

  private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace ballast::http
