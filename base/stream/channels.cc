// SPDX-License-Identifier: Apache-2.0
#include "base/stream/channels.h"

#include "base/base64.h"

namespace ballast::stream {

Status Channels::feed(std::string_view bytes) {
    if (broken_) {
        return {};
    }
    TRY(socket_.feed(bytes));
    if (broken_) {
        socket_.close(WebSocket::kProtocolError, "no base64");
        return fail(EPROTO, "WebSocket: a message that is not base64");
    }
    return {};
}

void Channels::on_message(bool, std::string_view message) {
    if (message.empty() || broken_) {
        return;
    }
    const auto first = static_cast<std::uint8_t>(message.front());
    message.remove_prefix(1);
    if (coding_ == Coding::kBinary) {
        events_.on_channel(first, message);
        return;
    }
    const Result<std::string> bytes = base64_decoded(message);
    broken_ = !bytes || first < '0';
    if (!broken_) {
        events_.on_channel(static_cast<std::uint8_t>(first - '0'), *bytes);
    }
}

void Channels::on_close(std::uint16_t) {
    if (!broken_) {
        events_.on_close();
    }
}

void Channels::send(std::uint8_t channel, std::string_view bytes) {
    const bool binary = coding_ == Coding::kBinary;
    const auto first = static_cast<char>(binary ? channel : '0' + channel);
    socket_.send(!binary, std::string(1, first).append(binary ? std::string(bytes) : base64(bytes)));
}

} // namespace ballast::stream
