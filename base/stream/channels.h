// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/stream/protocol.h"
#include "base/stream/websocket.h"

// Numbered channels in a WebSocket's messages, as Kubernetes carries several streams by one. The server's side.
namespace ballast::stream {

class Channels : public Protocol, private WebSocket::Events {
  public:
    // The first byte is the channel's number, what follows is as it is; or a digit, and base64, for clients that can
    // only send text.
    enum class Coding { kBinary, kBase64 };

    class Events {
      public:
        virtual ~Events() = default;
        virtual void on_channel(std::uint8_t channel, std::string_view bytes) = 0;
        virtual void on_close() = 0; // the client closed
    };

    // `events` outlives it.
    Channels(Events &events, Coding coding)
        : events_(events), coding_(coding), socket_(WebSocket::Side::kServer, *this) {}

    Status feed(std::string_view bytes) override;
    std::string take_output() override { return socket_.take_output(); }
    std::size_t waiting() const override { return socket_.waiting(); }
    void ping() override { socket_.ping(); }

    void send(std::uint8_t channel, std::string_view bytes);
    void close() { socket_.close(WebSocket::kNormal); }
    bool closed() const { return socket_.closed_here(); } // by either side

  private:
    void on_message(bool text, std::string_view message) override;
    void on_close(std::uint16_t) override;

    Events &events_;
    Coding coding_;
    bool broken_ = false; // no base64 came
    WebSocket socket_;
};

} // namespace ballast::stream
