// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/grpc/framing.h"
#include "base/grpc/session.h"
#include "base/grpc/status.h"
#include "base/result.h"

namespace ballast::grpc {

struct CallOptions {
    std::optional<std::chrono::nanoseconds> timeout = {}; // the server is told, too
    std::stop_token stop = {};                            // ends the call with kCancelled, from any thread
    Fields metadata = {};                                 // names in lower case
    std::size_t largest = kLargestMessage;                // of a message of the answer
};

struct Reply {
    Outcome outcome;
    std::string message; // of the answer, when the outcome is ok
};

// Calls a gRPC server, by default on a Unix socket. A call runs in the caller's thread until its end; several threads
// may use one client at once, and each call in progress has a connection of its own. Besides what the server answers:
//   kUnavailable        nobody listens, or the connection broke
//   kDeadlineExceeded   the time is over
//   kCancelled          `stop` was asked for
//   kInternal, kUnknown what the server says is not gRPC
class Client {
  public:
    // Opens a connection; not blocking.
    using Connect = std::function<Result<Fd>()>;

    explicit Client(std::filesystem::path socket);
    explicit Client(Connect connect);
    ~Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    // A call with one message in answer. `method`: "/package.Service/Method".
    Reply call(std::string_view method, std::string_view request, const CallOptions &options = {});

    // A call that answers with a stream of messages, each given to `sink`; what that returns other than ok ends the
    // call and is its outcome.
    Outcome stream(std::string_view method, std::string_view request,
                   const std::function<Outcome(std::string message)> &sink, const CallOptions &options = {});

  private:
    struct Pool;
    std::unique_ptr<Pool> pool_;
};

} // namespace ballast::grpc
