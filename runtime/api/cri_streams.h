// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/http/server.h"
#include "base/result.h"
#include "base/stream/remote_command.h"
#include "runtime/engine/engine.h"

// Where kubelet, and through it the API server, finds the streams of exec, attach and port-forward: a server on the
// loopback device, from the first stream on that somebody asks for. Whoever knows a URL may use it, so each holds a
// token that nobody guesses, which is good for one connection and for a minute.
namespace ballast::api {

struct ExecStream {
    std::string container;
    engine::Texts command;
    stream::CommandStreams streams;
};
struct AttachStream {
    std::string container;
    stream::CommandStreams streams; // as the client has them
    bool container_terminal = false;
};
struct ForwardStream {
    std::string network_namespace;    // a file; empty: the host's
    std::vector<std::uint16_t> ports; // for clients who do not name theirs later
};
using StreamTicket = std::variant<ExecStream, AttachStream, ForwardStream>;

class CriStreams {
  public:
    static constexpr std::chrono::seconds kGood{60};
    static constexpr std::size_t kMostTickets = 1000; // that nobody came for yet; one more is EAGAIN

    // The engine outlives it.
    explicit CriStreams(engine::Engine &engine) : engine_(engine) {}
    // "http://127.0.0.1:PORT/exec/TOKEN"
    Result<std::string> url(StreamTicket ticket);
    // Clients are told. No URLs are given out any more: ECANCELED. ETIMEDOUT as http::Server::stop() has it.
    Status stop();

  private:
    struct Waiting {
        StreamTicket ticket;
        std::chrono::steady_clock::time_point until;
    };
    Status listen();
    std::optional<StreamTicket> take(const std::string &path);
    Status serve(http::Exchange &exchange);

    engine::Engine &engine_;
    std::mutex mutex_; // of all that follows
    bool stopped_ = false;
    std::uint16_t port_ = 0;
    std::map<std::string, Waiting> waiting_; // by path
    std::unique_ptr<http::Server> server_;   // last: it ends first
};

} // namespace ballast::api
