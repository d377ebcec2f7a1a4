// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <deque>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

// QEMU's control protocol: JSON objects, one on a line, over a Unix socket (QEMU's docs/interop/qmp-spec).
namespace ballast::vm {

// Cuts a byte stream into lines.
class LineBuffer {
  public:
    void append(std::string_view bytes) { pending_ += bytes; }
    // The next whole line without its end ("\r\n" or "\n").
    std::optional<std::string> next();

  private:
    std::string pending_;
};

class Qmp {
  public:
    // On a connected socket: reads the greeting and leaves capability negotiation.
    static Result<Qmp> negotiate(Fd socket, std::chrono::milliseconds timeout);

    // The "return" value. EPROTO with QEMU's own words when it refuses, ECONNRESET when it is gone, ETIMEDOUT.
    // Events that arrive meanwhile are kept for wait_event().
    Result<nlohmann::json> execute(const std::string &command, const nlohmann::json &arguments = {},
                                   std::chrono::milliseconds timeout = std::chrono::seconds(60));

    // The oldest event of that name not yet taken, waiting for it if need be. Returns its "data".
    Result<nlohmann::json> wait_event(std::string_view name, std::chrono::milliseconds timeout);
    void forget_events() { events_.clear(); }

  private:
    explicit Qmp(Fd socket) : socket_(std::move(socket)) {}
    using Deadline = std::chrono::steady_clock::time_point;
    Result<nlohmann::json> read_message(Deadline deadline);

    Fd socket_;
    LineBuffer lines_;
    std::deque<nlohmann::json> events_;
};

// The end of the socket at which QEMU calls us back: it connects while it starts, so nothing needs to be polled for.
class QmpListener {
  public:
    static Result<QmpListener> listen(const std::filesystem::path &path);
    // ECHILD when the process behind `pidfd` ends first.
    Result<Qmp> accept(BorrowedFd pidfd, std::chrono::milliseconds timeout);

  private:
    explicit QmpListener(Fd socket) : socket_(std::move(socket)) {}
    Fd socket_;
};

// A stream socket connected to `path`.
Result<Fd> connect_unix(const std::filesystem::path &path);

} // namespace ballast::vm
