// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>

#include "base/fd.h"
#include "base/http/exchange.h"

// The server's own: the conversation with one client, between accept(2) and close(2).
namespace ballast::http {

class Conversation {
  public:
    // `limits` and `watch` outlive it; so does `stop_event`, an eventfd(2) that is readable once the server stops.
    Conversation(Fd socket, Peer peer, const Limits &limits, HangupWatch &watch, BorrowedFd stop_event);
    ~Conversation();
    Conversation(const Conversation &) = delete;
    Conversation &operator=(const Conversation &) = delete;

    // Request after request, until one side ends it.
    void run(const std::function<void(Exchange &)> &handler);

    // Makes reads and writes fail at once. From another thread; does nothing to a connection that was hijacked.
    void cut();

  private:
    std::unique_ptr<Exchange::Connection> connection_;
};

// 503 to a client that there is no room for.
void turn_away(Fd socket);

} // namespace ballast::http
