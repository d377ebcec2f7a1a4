// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_pod_port.h"

#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "runtime/api/cri_stream_client.h"
#include "runtime/network/namespace.h"

namespace ballast::api {
namespace {

Fd make_socket(int family) { return Fd(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)); }

int family_of(BorrowedFd socket) {
    int family = AF_INET;
    socklen_t size = sizeof family;
    (void)getsockopt(socket.get(), SOL_SOCKET, SO_DOMAIN, &family, &size); // cannot fail for a socket
    return family;
}

// 0, or why not; EINPROGRESS.
int connect_loopback(BorrowedFd socket, std::uint16_t port) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    v6.sin6_addr = IN6ADDR_LOOPBACK_INIT;
    const bool is_v4 = family_of(socket) == AF_INET;
    const auto *address = is_v4 ? reinterpret_cast<const sockaddr *>(&v4) : reinterpret_cast<const sockaddr *>(&v6);
    return ::connect(socket.get(), address, is_v4 ? sizeof v4 : sizeof v6) == 0 ? 0 : errno;
}

} // namespace

Result<PodPort> PodPort::connect(const std::string &network_namespace, std::uint16_t port) {
    Fd first;
    Fd second;
    const auto make = [&]() -> Status {
        first = make_socket(AF_INET);
        if (!first.is_open()) {
            return fail_errno("socket");
        }
        second = make_socket(AF_INET6); // a kernel without IPv6 has none
        return {};
    };
    const std::string what = "port " + std::to_string(port) + " of the pod";
    // A socket belongs to the namespace that it was made in, wherever its owner is.
    TRY((network_namespace.empty() ? make() : network::in_namespace(network_namespace, [&](BorrowedFd) {
            return make();
        })).within(what));
    PodPort made(std::move(first), std::move(second), port);
    TRY(made.begin());
    return made;
}

std::unexpected<Error> PodPort::broken(int error) const {
    return fail_errno("port " + std::to_string(port_) + " of the pod", error);
}

Status PodPort::begin() {
    const int error = connect_loopback(socket_, port_);
    if (error == 0) {
        return connected();
    }
    if (error == EINPROGRESS) {
        return {};
    }
    if (!other_.is_open()) {
        return broken(first_error_ == 0 ? error : first_error_);
    }
    first_error_ = error;
    socket_ = std::exchange(other_, Fd());
    return begin();
}

Status PodPort::connected() {
    connected_ = true;
    other_ = Fd();
    write();
    return {};
}

short PodPort::wanted(bool reads) const {
    if (!connected_) {
        return POLLOUT;
    }
    return static_cast<short>((reads && !ended_ ? POLLIN : 0) | (input_.empty() ? 0 : POLLOUT));
}

Status PodPort::serve(short happened, const std::function<void(std::string_view bytes)> &said) {
    if (!connected_) {
        int error = 0;
        socklen_t size = sizeof error;
        (void)getsockopt(socket_.get(), SOL_SOCKET, SO_ERROR, &error, &size); // cannot fail for a socket
        if (error == 0) {
            return connected();
        }
        if (!other_.is_open()) {
            return broken(first_error_ == 0 ? error : first_error_);
        }
        first_error_ = error;
        socket_ = std::exchange(other_, Fd());
        return begin();
    }
    if ((happened & POLLOUT) != 0) {
        write();
    }
    if (ended_) { // it closed both directions, or broke off: what it was to hear is lost, and nobody waits for an
                  // answer
        deaf_ = deaf_ || (happened & (POLLHUP | POLLERR)) != 0;
        return {};
    }
    if ((happened & (POLLIN | POLLHUP | POLLERR)) == 0) {
        return {};
    }
    std::array<char, kStreamPiece> piece{};
    const ssize_t count = recv(socket_.get(), piece.data(), piece.size(), 0);
    if (count > 0) {
        said({piece.data(), static_cast<std::size_t>(count)});
    } else if (count == 0) {
        ended_ = true;
    } else if (errno != EAGAIN && errno != EINTR) {
        return broken(errno);
    }
    return {};
}

void PodPort::give(std::string_view bytes) {
    if (!deaf_ && !input_ended_) {
        input_ += bytes;
        write();
    }
}

void PodPort::give_end() {
    input_ended_ = true;
    write();
}

void PodPort::write() {
    if (!connected_) {
        return;
    }
    while (!input_.empty() && !deaf_) {
        const ssize_t count = send(socket_.get(), input_.data(), input_.size(), MSG_NOSIGNAL);
        if (count < 0 && errno != EAGAIN && errno != EINTR) {
            deaf_ = true; // what it says is still read
            input_.clear();
        }
        if (count < 0) {
            return;
        }
        input_.erase(0, static_cast<std::size_t>(count));
    }
    if (input_ended_ && !input_closed_) {
        input_closed_ = true;
        (void)shutdown(socket_.get(), SHUT_WR); // it may be gone
    }
}

} // namespace ballast::api
