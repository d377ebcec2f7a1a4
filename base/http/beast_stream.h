// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/system/error_code.hpp>

#include "base/http/socket_stream.h"

namespace ballast::http {

// What Beast reads from: the deadline is the call's, not the operation's.
class BeastStream {
  public:
    BeastStream(SocketStream &socket, SocketStream::Clock::time_point deadline)
        : socket_(socket), deadline_(deadline) {}

    template <typename Buffers>
    std::size_t read_some(const Buffers &buffers, boost::system::error_code &error) {
        const boost::asio::mutable_buffer buffer = *boost::asio::buffer_sequence_begin(buffers);
        const Result<std::size_t> count = socket_.read({static_cast<char *>(buffer.data()), buffer.size()}, deadline_);
        if (!count.has_value()) {
            error.assign(count.error().code, boost::system::system_category());
            return 0;
        }
        error = *count == 0 ? boost::system::error_code(boost::asio::error::eof) : boost::system::error_code();
        return *count;
    }
    template <typename Buffers>
    std::size_t read_some(const Buffers &buffers); // Beast asks that it could be called; nothing calls it

  private:
    SocketStream &socket_;
    SocketStream::Clock::time_point deadline_;
};

} // namespace ballast::http
