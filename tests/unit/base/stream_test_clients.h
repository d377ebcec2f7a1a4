// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/stream/spdy.h"
#include "base/stream/websocket.h"
#include "tests/unit/check.h"

// What clients heard over the wires of streams.
namespace ballast::stream {

struct WebClient : WebSocket::Events {
    WebSocket socket{WebSocket::Side::kClient, *this};
    std::vector<std::string> messages;
    bool closed = false;
    void on_message(bool, std::string_view message) override { messages.emplace_back(message); }
    void on_close(std::uint16_t) override { closed = true; }
};

struct SpdyClient : Spdy::Events {
    Spdy spdy = must(Spdy::make(Spdy::Side::kClient, *this));
    std::map<Spdy::Stream, std::string> data;
    std::vector<Spdy::Stream> ended, refused;
    void on_stream(Spdy::Stream, const Fields &, bool) override {}
    void on_accepted(Spdy::Stream, const Fields &) override {}
    void on_data(Spdy::Stream stream, std::string_view bytes) override { data[stream] += bytes; }
    void on_end(Spdy::Stream stream) override { ended.push_back(stream); }
    void on_reset(Spdy::Stream stream, std::uint32_t) override { refused.push_back(stream); }
    void on_go_away() override {}
};

} // namespace ballast::stream
