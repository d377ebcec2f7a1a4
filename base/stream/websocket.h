// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/result.h"

// One WebSocket connection (RFC 6455) behind its handshake and without its socket: bytes in, bytes out, and messages.
// Without extensions. Not for several threads at once.
namespace ballast::stream {

// The value of Sec-WebSocket-Accept for a client's Sec-WebSocket-Key. Nothing when the key is none (16 bytes, base64).
std::optional<std::string> websocket_accept(std::string_view key);

class WebSocket {
  public:
    enum class Side { kServer, kClient };

    class Events {
      public:
        virtual ~Events() = default;
        virtual void on_message(bool text, std::string_view message) = 0;
        // The other side closes; an answer is in the output. 1005: it did not say why.
        virtual void on_close(std::uint16_t code) = 0;
    };

    static constexpr std::uint16_t kNormal = 1000;
    static constexpr std::uint16_t kGoingAway = 1001;
    static constexpr std::uint16_t kProtocolError = 1002;
    static constexpr std::uint16_t kNoCode = 1005;
    static constexpr std::uint16_t kTooLarge = 1009;

    // `events` outlives it. `largest`: bytes of a message of the other side.
    WebSocket(Side side, Events &events, std::size_t largest = 1UL << 20)
        : side_(side), events_(events), largest_(largest) {}

    // EPROTO, EFBIG: the connection has to be closed after the output, which says why, was sent. What comes behind a
    // close is dropped.
    Status feed(std::string_view bytes);
    // Nothing is sent any more once this side has closed.
    void send(bool text, std::string_view message);
    void ping();
    void close(std::uint16_t code, std::string_view reason = {});
    // What is to be sent to the other side.
    std::string take_output() { return std::exchange(output_, {}); }
    std::size_t waiting() const { return output_.size(); }
    // Both sides have closed.
    bool over() const { return closed_here_ && closed_there_; }
    bool closed_here() const { return closed_here_; }

  private:
    struct Frame;
    Status refuse(std::uint16_t code, int error, const std::string &why);
    Result<std::optional<Frame>> next_frame();
    Status take(const Frame &frame, std::string &payload);
    Status take_close(std::string_view payload);
    void write_frame(std::uint8_t opcode, std::string_view payload);

    Side side_;
    Events &events_;
    std::size_t largest_;
    std::string input_;
    std::string output_;
    std::string message_;     // of several frames
    std::uint8_t opcode_ = 0; // of that; 0: none is begun
    bool closed_here_ = false;
    bool closed_there_ = false;
    bool failed_ = false;
};

} // namespace ballast::stream
