// SPDX-License-Identifier: Apache-2.0
#include "base/stream/websocket.h"

#include <array>
#include <sys/random.h>

#include "base/base64.h"
#include "base/digest.h"

namespace ballast::stream {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"; // RFC 6455 section 1.3
constexpr std::size_t kKeySize = 16;
constexpr std::size_t kMask = 4;
constexpr std::size_t kShort = 125; // the longest length in the first bytes, and a control frame's
constexpr std::uint8_t kLength16 = 126;
constexpr std::uint8_t kLength64 = 127;

constexpr std::uint8_t kContinuation = 0;
constexpr std::uint8_t kText = 1;
constexpr std::uint8_t kBinary = 2;
constexpr std::uint8_t kClose = 8;
constexpr std::uint8_t kPing = 9;
constexpr std::uint8_t kPong = 10;

constexpr unsigned kByte = 8;

std::uint64_t number_in(std::string_view bytes) {
    std::uint64_t number = 0;
    for (const char c : bytes) {
        number = number << kByte | static_cast<unsigned char>(c);
    }
    return number;
}

std::string number_of(std::uint64_t number, std::size_t size) {
    std::string bytes(size, '\0');
    for (std::size_t place = size; place-- > 0; number >>= kByte) {
        bytes[place] = static_cast<char>(number & 0xff);
    }
    return bytes;
}

void mask(std::string &bytes, std::string_view key) {
    for (std::size_t place = 0; place < bytes.size(); place++) {
        bytes[place] = static_cast<char>(bytes[place] ^ key[place % kMask]);
    }
}

bool is_close_code(std::uint64_t code) { // section 7.4
    return (code >= 1000 && code <= 1014 && code != 1004 && code != 1005 && code != 1006) ||
           (code >= 3000 && code <= 4999);
}

} // namespace

std::optional<std::string> websocket_accept(std::string_view key) {
    const Result<std::string> decoded = base64_decoded(key);
    if (!decoded.has_value() || decoded->size() != kKeySize || base64(*decoded) != key) {
        return std::nullopt;
    }
    return base64(sha1(std::string(key) + std::string(kGuid)));
}

struct WebSocket::Frame {
    bool last = false;
    std::uint8_t opcode = 0;
    std::size_t header = 0; // bytes, the mask included
    std::size_t size = 0;

    bool control() const { return opcode >= kClose; }
};

Status WebSocket::refuse(std::uint16_t code, int error, const std::string &why) {
    failed_ = true;
    close(code, why);
    return fail(error, "WebSocket: " + why);
}

// The header of the next frame, once it is there as a whole.
Result<std::optional<WebSocket::Frame>> WebSocket::next_frame() {
    if (input_.size() < 2) {
        return std::nullopt;
    }
    const auto first = static_cast<std::uint8_t>(input_[0]);
    const auto second = static_cast<std::uint8_t>(input_[1]);
    Frame frame{.last = (first & 0x80U) != 0, .opcode = static_cast<std::uint8_t>(first & 0x0fU)};
    const bool masked = (second & 0x80U) != 0;
    const auto wrong = [&](const std::string &why) {
        return std::unexpected(refuse(kProtocolError, EPROTO, why).error());
    };
    if ((first & 0x70U) != 0) {
        return wrong("a frame of an extension that was not agreed on");
    }
    if ((frame.opcode > kBinary && frame.opcode < kClose) || frame.opcode > kPong) {
        return wrong("a frame of unknown kind");
    }
    if (masked != (side_ == Side::kServer)) {
        return wrong(masked ? "a masked frame of a server" : "a client's frame without a mask");
    }
    std::size_t size = second & 0x7fU;
    const std::size_t extended = size == kLength64 ? 8 : size == kLength16 ? 2 : 0;
    frame.header = 2 + extended + (masked ? kMask : 0);
    if (frame.control() && (!frame.last || size > kShort)) {
        return wrong("a control frame in pieces, or too long");
    }
    if (input_.size() < frame.header) {
        return std::nullopt;
    }
    if (extended != 0) {
        size = number_in(std::string_view(input_).substr(2, extended));
        if (size <= kShort || (extended == 8 && size <= 0xffff)) {
            return wrong("a length longer than it has to be");
        }
    }
    if (size > largest_ || (!frame.control() && message_.size() + size > largest_)) {
        return std::unexpected(refuse(kTooLarge, EFBIG, "a message is too large").error());
    }
    frame.size = size;
    return frame;
}

Status WebSocket::take_close(std::string_view payload) {
    closed_there_ = true;
    std::uint16_t code = kNoCode;
    if (payload.size() == 1) {
        return refuse(kProtocolError, EPROTO, "a close of one byte");
    }
    if (!payload.empty()) {
        const std::uint64_t number = number_in(payload.substr(0, 2));
        if (!is_close_code(number)) {
            return refuse(kProtocolError, EPROTO, "a close with a code that is none");
        }
        code = static_cast<std::uint16_t>(number);
    }
    close(code == kNoCode ? kNormal : code);
    events_.on_close(code);
    return {};
}

Status WebSocket::take(const Frame &frame, std::string &payload) {
    if (frame.opcode == kClose) {
        return take_close(payload);
    }
    if (frame.opcode == kPing) {
        if (!closed_here_) {
            write_frame(kPong, payload);
        }
        return {};
    }
    if (frame.opcode == kPong) {
        return {};
    }
    if ((frame.opcode == kContinuation) == (opcode_ == 0)) {
        return refuse(kProtocolError, EPROTO, "frames of messages in disorder");
    }
    if (opcode_ == 0 && frame.last) {
        events_.on_message(frame.opcode == kText, payload);
        return {};
    }
    opcode_ = opcode_ == 0 ? frame.opcode : opcode_;
    message_ += payload;
    if (frame.last) {
        const std::string message = std::exchange(message_, {});
        events_.on_message(std::exchange(opcode_, 0) == kText, message);
    }
    return {};
}

Status WebSocket::feed(std::string_view bytes) {
    if (failed_ || closed_there_) {
        return {}; // nobody listens any more
    }
    input_ += bytes;
    std::size_t done = 0;
    while (!closed_there_) {
        input_.erase(0, std::exchange(done, 0));
        const std::optional<Frame> frame = TRY(next_frame());
        if (!frame || input_.size() - frame->header < frame->size) {
            break;
        }
        std::string payload = input_.substr(frame->header, frame->size);
        if (side_ == Side::kServer) {
            mask(payload, std::string_view(input_).substr(frame->header - kMask, kMask));
        }
        done = frame->header + frame->size;
        TRY(take(*frame, payload));
    }
    return {};
}

void WebSocket::write_frame(std::uint8_t opcode, std::string_view payload) {
    const std::uint8_t masked = side_ == Side::kClient ? 0x80 : 0;
    output_ += static_cast<char>(0x80U | opcode);
    if (payload.size() <= kShort) {
        output_ += static_cast<char>(masked | payload.size());
    } else if (payload.size() <= 0xffff) {
        output_ += static_cast<char>(masked | kLength16);
        output_ += number_of(payload.size(), 2);
    } else {
        output_ += static_cast<char>(masked | kLength64);
        output_ += number_of(payload.size(), 8);
    }
    if (side_ == Side::kServer) {
        output_ += payload;
        return;
    }
    std::array<char, kMask> key{};
    // Against proxies that take data for requests. Cannot fail for so few bytes.
    (void)!getrandom(key.data(), key.size(), 0);
    output_.append(key.data(), key.size());
    std::string hidden(payload);
    mask(hidden, {key.data(), key.size()});
    output_ += hidden;
}

void WebSocket::send(bool text, std::string_view message) {
    if (!closed_here_) {
        write_frame(text ? kText : kBinary, message);
    }
}

void WebSocket::ping() {
    if (!closed_here_) {
        write_frame(kPing, {});
    }
}

void WebSocket::close(std::uint16_t code, std::string_view reason) {
    if (!closed_here_) {
        write_frame(kClose, number_of(code, 2) + std::string(reason.substr(0, kShort - 2)));
        closed_here_ = true;
    }
}

} // namespace ballast::stream
