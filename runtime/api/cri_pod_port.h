// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::api {

// A connection to a port of a pod, on 127.0.0.1 or, where nobody listens there, on ::1. Nothing waits here.
class PodPort {
  public:
    // `network_namespace`: a file; empty: the host's. Errors name the port; whether somebody listens there is found out
    // by serve().
    static Result<PodPort> connect(const std::string &network_namespace, std::uint16_t port);

    BorrowedFd socket() const { return socket_; }
    short wanted(bool reads) const; // for poll(2); `reads`: there is room for what the port says
    std::size_t waiting() const { return input_.size(); }

    // What happened to the socket. An error: there is no connection, or it broke.
    Status serve(short happened, const std::function<void(std::string_view bytes)> &said);
    void give(std::string_view bytes); // dropped once the port takes none any more
    void give_end();

    bool ended() const { return ended_; } // it says no more
    bool over() const { return ended_ && (input_closed_ || deaf_); }
    bool told_end = false; // the client knows; the owner's

  private:
    PodPort(Fd first, Fd second, std::uint16_t port)
        : socket_(std::move(first)), other_(std::move(second)), port_(port) {}
    Status begin();
    Status connected();
    void write();
    std::unexpected<Error> broken(int error) const;

    Fd socket_;
    Fd other_; // IPv6, while IPv4 is tried
    std::uint16_t port_;
    bool connected_ = false;
    std::string input_; // to the port
    bool input_ended_ = false, input_closed_ = false;
    bool deaf_ = false, ended_ = false;
    int first_error_ = 0; // of IPv4
};

} // namespace ballast::api
