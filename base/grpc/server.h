// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <vector>

#include "base/fd.h"
#include "base/grpc/call.h"
#include "base/result.h"

namespace ballast::grpc {

// gRPC over HTTP/2 without TLS, for Unix sockets: unary calls and those that answer with a stream of messages. One
// thread for all connections, and one for each handler that runs. Signals are blocked in all of them.
class Server {
  public:
    static Result<Server> start(std::vector<Fd> listeners, Methods methods, const Limits &limits = {});
    Server(Server &&) noexcept;
    Server &operator=(Server &&) noexcept;
    // stop() without grace; waits for every handler.
    ~Server();

    // Takes no more calls (GOAWAY; who connects waits for whoever has the socket next), and gives those that run that
    // time to end. Then they are asked to stop and their connections are cut. ETIMEDOUT when a handler still runs a
    // second later: the program then has to end without destroying this, which would wait for it.
    Status stop(std::chrono::milliseconds grace);

    std::size_t connections() const;
    std::size_t calls() const;

  private:
    struct State;
    explicit Server(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

} // namespace ballast::grpc
