// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/grpc/framing.h"
#include "base/grpc/status.h"
#include "base/result.h"

namespace ballast::grpc {

// One call as its handler sees it: a request message, and any number of messages in answer.
class Call {
  public:
    struct Place;
    explicit Call(std::shared_ptr<Place> place);
    ~Call();
    Call(const Call &) = delete;
    Call &operator=(const Call &) = delete;

    const std::string &method() const; // "/runtime.v1.RuntimeService/Version"
    const std::string &request() const;
    // What the client sent beside the message, by a name in lower case; empty when it is missing.
    std::string_view metadata(std::string_view name) const;
    std::optional<std::chrono::steady_clock::time_point> deadline() const;
    // Asked to stop when the client cancels or goes, at the deadline, and when the server stops.
    std::stop_token stop() const;

    // Waits while the client does not take what was sent before. ECANCELED: nobody waits for the answer any more;
    // EFBIG: a message over the limit.
    Status send(std::string_view message);

  private:
    std::shared_ptr<Place> place_;
};

// Runs on a thread of its own and may block. What it returns ends the call; one that throws is kInternal.
using Handler = std::function<Outcome(Call &)>;
using Methods = std::map<std::string, Handler, std::less<>>; // by path: "/package.Service/Method"

struct Limits {
    std::size_t connections = 1024;        // one more is closed at once; some clients leave theirs open
    std::uint32_t streams = 256;           // calls of one connection; clients hold back what is more
    std::size_t calls = 512;               // of all connections; one more is kResourceExhausted
    std::size_t message = kLargestMessage; // in both directions
    std::size_t buffered = 64UL << 20;     // bytes of requests that are not whole yet, together
    std::size_t unsent = 1UL << 20;        // bytes of one call that send() does not wait for
    std::size_t thread_stack = 256UL << 10;
};

} // namespace ballast::grpc
