// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/registry/scripted_server.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/unit/check.h"

namespace ballast::tests {
namespace {

constexpr int kTick = 20; // milliseconds between looks at whether the server ends

// Waits for the socket to be readable; false when the server ends first.
bool wait_readable(int socket, const std::function<bool()> &ending) {
    while (!ending()) {
        pollfd entry{.fd = socket, .events = POLLIN, .revents = 0};
        if (::poll(&entry, 1, kTick) > 0) {
            return true;
        }
    }
    return false;
}

bool is_not_http(std::string_view text) { return !text.empty() && (text.front() < 'A' || text.front() > 'Z'); }

// Reads until `buffer` satisfies `enough`; false at the end of the connection.
bool read_until(int socket, std::string &buffer, const std::function<bool()> &ending,
                const std::function<bool(const std::string &)> &enough) {
    std::array<char, 65536> piece{};
    while (!enough(buffer)) {
        if (!wait_readable(socket, ending)) {
            return false;
        }
        const ssize_t count = ::read(socket, piece.data(), piece.size());
        if (count <= 0) {
            return false;
        }
        buffer.append(piece.data(), static_cast<std::size_t>(count));
    }
    return true;
}

std::size_t body_size(const SeenRequest &request) {
    const std::string length = request.header("Content-Length");
    return length.empty() ? 0 : std::strtoull(length.c_str(), nullptr, 10);
}

} // namespace

std::string SeenRequest::header(std::string_view name) const {
    const std::string start = "\r\n" + std::string(name) + ": ";
    const std::size_t place = head.find(start);
    if (place == std::string::npos) {
        return "";
    }
    return head.substr(place + start.size(), head.find("\r\n", place + 2) - place - start.size());
}

void Turn::send(std::string_view bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(socket_.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count <= 0) {
            hangs_up_ = true;
            return;
        }
        bytes.remove_prefix(static_cast<std::size_t>(count));
    }
}

void Turn::respond(int status, std::string_view body, std::string_view headers) {
    std::string text = "HTTP/1.1 " + std::to_string(status) + " X\r\nContent-Length: " + std::to_string(body.size()) +
                       "\r\n" + std::string(headers) + "\r\n";
    if (request.method != "HEAD") {
        text += body;
    }
    send(text);
}

void Turn::stall() {
    hangs_up_ = true;
    (void)wait_readable(socket_.get(), [this] { return server_.is_ending(); }); // readable: the client closed
}

void Turn::tunnel_to(std::uint16_t port) {
    hangs_up_ = true;
    const Fd other(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(other.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)) != 0) {
        return respond(502);
    }
    send("HTTP/1.1 200 Tunnel\r\n\r\n");
    std::array<char, 65536> piece{};
    while (!server_.is_ending()) {
        std::array<pollfd, 2> ends{pollfd{socket_.get(), POLLIN, 0}, pollfd{other.get(), POLLIN, 0}};
        (void)::poll(ends.data(), ends.size(), kTick);
        for (std::size_t side = 0; side < 2; ++side) {
            if (ends[side].revents == 0) {
                continue;
            }
            const ssize_t count = ::read(ends[side].fd, piece.data(), piece.size());
            if (count <= 0 || !write_all(BorrowedFd(ends[1 - side].fd), {piece.data(), static_cast<std::size_t>(count)})
                                   .has_value()) {
                return;
            }
        }
    }
}

ScriptedServer::ScriptedServer(Script script)
    : script_(std::move(script)), listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    REQUIRE(::bind(listener_.get(), reinterpret_cast<sockaddr *>(&address), size) == 0);
    REQUIRE(::listen(listener_.get(), SOMAXCONN) == 0);
    REQUIRE(::getsockname(listener_.get(), reinterpret_cast<sockaddr *>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
}

ScriptedServer::~ScriptedServer() {
    ending_ = true;
    acceptor_.join();
    for (std::thread &thread : threads_) {
        thread.join();
    }
}

void ScriptedServer::accept_all() {
    while (wait_readable(listener_.get(), [this] { return is_ending(); })) {
        const int accepted = ::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC);
        if (accepted >= 0) {
            ++connections_;
            threads_.emplace_back([this, socket = Fd(accepted)]() mutable { serve(std::move(socket)); });
        }
    }
}

void ScriptedServer::serve(Fd socket) {
    const auto ending = [this] { return is_ending(); };
    std::string buffer;
    while (read_until(socket.get(), buffer, ending,
                      [](const std::string &text) { return text.contains("\r\n\r\n") || is_not_http(text); })) {
        SeenRequest request;
        const std::size_t end = buffer.find("\r\n\r\n");
        if (end == std::string::npos) {
            return; // TLS is spoken at us
        }
        request.head = buffer.substr(0, end + 4);
        buffer.erase(0, end + 4);
        request.method = request.head.substr(0, request.head.find(' '));
        const std::size_t target = request.method.size() + 1;
        request.target = request.head.substr(target, request.head.find(' ', target) - target);
        const std::size_t length = body_size(request);
        if (!read_until(socket.get(), buffer, ending, [&](const std::string &text) { return text.size() >= length; })) {
            return;
        }
        request.body = buffer.substr(0, length);
        buffer.erase(0, length);
        {
            const std::lock_guard lock(mutex_);
            seen_.push_back(request);
        }
        Turn turn(*this, socket, std::move(request));
        script_(turn);
        if (turn.hangs_up()) {
            return;
        }
    }
}

std::vector<SeenRequest> ScriptedServer::seen() const {
    const std::lock_guard lock(mutex_);
    return seen_;
}

std::size_t ScriptedServer::count(std::string_view target) const {
    const std::lock_guard lock(mutex_);
    return static_cast<std::size_t>(std::ranges::count_if(seen_, [&](const SeenRequest &request) {
        return request.target.substr(0, request.target.find('?')) == target;
    }));
}

} // namespace ballast::tests
