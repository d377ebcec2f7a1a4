// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "runtime/monitor/protocol.h"

// ballastd's side of the protocol: blocking calls with deadlines, for one thread at a time.
namespace ballast::monitor {

using Milliseconds = std::chrono::milliseconds;

class Connection {
  public:
    // On the socket that spawn() returned: returns once the monitor listens on its filesystem socket, too.
    static Result<Connection> over(Fd socket, Purpose purpose, Milliseconds timeout);
    // To the filesystem socket of a monitor. ECONNREFUSED or ENOENT: there is none.
    static Result<Connection> connect(const std::string &socket, Purpose purpose, Milliseconds timeout);

    // A request and its answer. What the monitor refuses is an error with its code and message; failure() tells more.
    // Any other error (ETIMEDOUT, EPIPE, EPROTO) leaves the connection useless.
    template <typename Answer, typename Request>
    Result<Answer> call(const Request &request, Milliseconds timeout) {
        TRY(send(frame(request), timeout));
        const Frame answer = TRY(receive(timeout));
        if (answer.type == Type::kFailed) {
            return refused(answer);
        }
        return message_of<Answer>(answer);
    }
    // What the monitor said when the last call() failed by its answer.
    const Failed &failure() const { return failure_; }

    // An events connection: the next message, after Welcome first a State, then Events. ETIMEDOUT; EPIPE when the
    // monitor is gone.
    Result<Frame> receive(Milliseconds timeout) { return receive(timeout, nullptr); }

    struct HandedOver {
        Descriptor what;
        Fd fd;
    };
    Result<std::vector<HandedOver>> hand_over(Milliseconds timeout);

    BorrowedFd socket() const { return socket_; }
    std::uint16_t version() const { return welcome_.version; }
    std::uint32_t monitor_pid() const { return welcome_.pid; }

  private:
    friend Result<Fd> attach(const std::string &socket, const Attach &request, Milliseconds timeout);

    explicit Connection(Fd socket) : socket_(std::move(socket)) {}
    Status greet(Purpose purpose, Milliseconds timeout);
    Status send(std::string_view bytes, Milliseconds timeout);
    Result<Frame> receive(Milliseconds timeout, Fd *passed);
    std::unexpected<Error> refused(const Frame &answer);

    Fd socket_;
    Welcome welcome_;
    Failed failure_;
};

// A client of a session: a blocking socket whose bytes are the session's, see protocol.h. ESRCH: there is no such
// session, or it has ended.
Result<Fd> attach(const std::string &socket, const Attach &request, Milliseconds timeout);

} // namespace ballast::monitor
