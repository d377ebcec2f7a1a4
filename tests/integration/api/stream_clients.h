// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <string>

#include "base/fd.h"
#include "base/stream/spdy.h"
#include "base/stream/websocket.h"

// The other side of streams of containers and pods: what kubelet, kubectl and crictl are on the wire.
namespace ballast::api_tests {

// A connection to a URL that the engine gave, and its answer to an upgrade.
struct StreamConnection {
    Fd socket;
    std::string head; // of the answer
    std::string rest; // what came behind it

    StreamConnection(const std::string &url, const std::string &headers);
    std::string read() const; // empty: the engine closed it
};

std::string websocket_headers(const std::string &protocols); // empty: none is named
std::string spdy_headers(const std::string &protocol);

struct OverWebSocket : stream::WebSocket::Events {
    StreamConnection connection;
    stream::WebSocket web{stream::WebSocket::Side::kClient, *this};
    std::map<char, std::string> said; // by channel: 1 output, 2 errors, 3 how it ended
    std::string messages;             // one behind the other
    bool closed = false;

    OverWebSocket(const std::string &url, const std::string &protocols);
    void on_message(bool text, std::string_view message) override;
    void on_close(std::uint16_t code) override;
    void send(const std::string &message);
    void send(char channel, const std::string &text) { send(std::string(1, channel) + text); }
    void read_until(const std::function<bool()> &enough);
    void read_all();
};

struct OverSpdy : stream::Spdy::Events {
    StreamConnection connection;
    stream::Spdy spdy;
    std::map<std::string, stream::Spdy::Stream> streams; // by type, the last one
    std::map<stream::Spdy::Stream, std::string> said;
    std::size_t ended = 0;

    OverSpdy(const std::string &url, const std::string &protocol);
    void open(const std::string &type, stream::Fields fields = {});
    void open_port(const std::string &port, const std::string &request);
    void flush();
    void read_until(const std::function<bool()> &enough);
    void read_all();
    std::string of(const std::string &type) { return said[streams[type]]; }

    void on_stream(stream::Spdy::Stream, const stream::Fields &, bool) override {}
    void on_accepted(stream::Spdy::Stream, const stream::Fields &) override {}
    void on_data(stream::Spdy::Stream stream, std::string_view bytes) override;
    void on_end(stream::Spdy::Stream) override { ended++; }
    void on_reset(stream::Spdy::Stream, std::uint32_t) override { ended++; }
    void on_go_away() override {}
};

} // namespace ballast::api_tests
