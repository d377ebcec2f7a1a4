// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/fd.h"

// An HTTP server that does what a test says, byte by byte: also what no decent server would do.
namespace ballast::tests {

struct SeenRequest {
    std::string method;
    std::string target;
    std::string head; // all of it
    std::string body; // as far as Content-Length promises it

    // The value of a header, or nothing; names as sent by our client.
    std::string header(std::string_view name) const;
};

class ScriptedServer;

// One request, to be answered.
class Turn {
  public:
    Turn(ScriptedServer &server, BorrowedFd socket, SeenRequest seen)
        : request(std::move(seen)), server_(server), socket_(socket) {}

    void send(std::string_view bytes);
    // "HTTP/1.1 STATUS X", Content-Length, `headers` ("Name: value\r\n"…) and the body; none for HEAD.
    void respond(int status, std::string_view body = "", std::string_view headers = "");
    void hang_up() { hangs_up_ = true; } // closes after the answer
    void stall();                        // until the client has gone or the server ends
    void tunnel_to(std::uint16_t port);  // of 127.0.0.1, as an answer to CONNECT
    bool hangs_up() const { return hangs_up_; }

    const SeenRequest request;

  private:
    ScriptedServer &server_;
    BorrowedFd socket_;
    bool hangs_up_ = false;
};

// On a free port of 127.0.0.1, a thread for each connection.
class ScriptedServer {
  public:
    using Script = std::function<void(Turn &)>; // called from several threads
    explicit ScriptedServer(Script script);
    ScriptedServer(const ScriptedServer &) = delete;
    ScriptedServer &operator=(const ScriptedServer &) = delete;
    ~ScriptedServer();

    std::uint16_t port() const { return port_; }
    std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    std::string url(std::string_view target) const { return "http://" + address() + std::string(target); }
    std::vector<SeenRequest> seen() const;
    // How many requests were for this target (query aside).
    std::size_t count(std::string_view target) const;
    std::size_t connections() const { return connections_; }

  private:
    friend class Turn;
    void accept_all();
    void serve(Fd socket);
    bool is_ending() const { return ending_; }

    Script script_;
    Fd listener_;
    std::uint16_t port_ = 0;
    std::atomic<bool> ending_ = false;
    std::atomic<std::size_t> connections_ = 0;
    mutable std::mutex mutex_;
    std::vector<SeenRequest> seen_;
    std::vector<std::thread> threads_;
    std::thread acceptor_;
};

} // namespace ballast::tests
