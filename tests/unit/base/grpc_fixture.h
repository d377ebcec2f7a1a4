// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/socket.h>

#include "base/grpc/client.h"
#include "base/grpc/server.h"
#include "base/grpc/session.h"
#include "base/http/listener.h"
#include "base/unix_address.h"
#include "tests/unit/check.h"

// A gRPC server on a socket of its own, and ways to talk to it that no well-behaved client has.
namespace ballast::grpc {

struct ServerFixture {
    TemporaryDirectory directory = scratch();
    std::filesystem::path path = directory.path() / "socket";
    Server server;

    explicit ServerFixture(Methods methods, const Limits &limits = {})
        : server(start(path, std::move(methods), limits)) {}
    static Server start(const std::filesystem::path &path, Methods methods, const Limits &limits) {
        std::vector<Fd> listeners;
        listeners.push_back(must(http::listen_unix(path, 0600)));
        return must(Server::start(std::move(listeners), std::move(methods), limits));
    }
    Fd connect() const {
        Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const auto address = unix_address(path.native());
        REQUIRE(::connect(socket.get(), reinterpret_cast<const sockaddr *>(&*address), sizeof *address) == 0);
        return socket;
    }
};

inline void send_bytes(const Fd &socket, std::string_view bytes) {
    REQUIRE(::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

// A piece of what the server sends; empty when it closed the connection.
inline std::string receive_bytes(const Fd &socket) {
    std::array<char, 4096> piece{};
    pollfd entry{socket.get(), POLLIN, 0};
    REQUIRE(poll(&entry, 1, 20'000) == 1); // a test that hangs fails
    const ssize_t count = recv(socket.get(), piece.data(), piece.size(), 0);
    return {piece.data(), count < 0 ? 0 : static_cast<std::size_t>(count)};
}

// A client that sends whatever fields and bytes it is told, and keeps what comes back.
class RawClient : private Session::Events {
  public:
    explicit RawClient(Fd socket)
        : socket_(std::move(socket)), session_(must(Session::make(Session::Side::kClient, *this))) {}

    Session &session() { return *session_; }
    const Fd &socket() const { return socket_; }
    Session::Stream open(const Fields &request) { return must(session_->open(request)); }
    // Sends what there is.
    void flush() {
        for (std::string bytes = must(session_->output(1 << 20)); !bytes.empty();
             bytes = must(session_->output(1 << 20))) {
            send_bytes(socket_, bytes);
        }
    }
    // False: the server closed the connection.
    bool pump() {
        flush();
        const std::string bytes = receive_bytes(socket_);
        return !bytes.empty() && session_->feed(bytes).has_value();
    }
    void until_closed() {
        while (!closed && pump()) {
        }
        if (closed) {
            flush();
        }
    }

    Fields fields; // of the response and its trailers
    std::string data;
    std::optional<std::uint32_t> closed;

  private:
    void on_fields(Session::Stream, const Fields &more) override {
        fields.insert(fields.end(), more.begin(), more.end());
    }
    void on_data(Session::Stream, std::string_view bytes) override { data += bytes; }
    void on_end(Session::Stream) override {}
    void on_closed(Session::Stream, std::uint32_t error) override { closed = error; }

    Fd socket_;
    std::unique_ptr<Session> session_;
};

inline Fields request_fields(const std::string &method, Fields others = {}) {
    Fields fields = {{":method", "POST"},         {":scheme", "http"}, {":path", method},
                     {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
    fields.insert(fields.end(), others.begin(), others.end());
    return fields;
}

// One call with those fields and that body, to its end.
inline Outcome raw_call(RawClient &client, const Fields &fields, std::string_view body) {
    client.fields.clear();
    client.data.clear();
    client.closed.reset();
    const Session::Stream stream = client.open(fields);
    client.session().append(stream, body);
    client.session().finish(stream);
    client.until_closed();
    return {parse_code(field(client.fields, "grpc-status")).value_or(Code::kDataLoss),
            decode_message(field(client.fields, "grpc-message"))};
}

} // namespace ballast::grpc
