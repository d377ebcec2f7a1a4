// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "base/fd.h"
#include "base/http/exchange.h"
#include "base/stream/protocol.h"

namespace ballast::api {

inline constexpr std::size_t kStreamPiece = 16UL << 10;
// Bytes in a direction that wait for somebody to take them: above it nothing more is read for that direction.
inline constexpr std::size_t kMostWaiting = 256UL << 10;
inline constexpr int kStreamPing = 30'000; // milliseconds without a byte: then the client is asked whether it is there

// A client's socket once it speaks a protocol of Kubernetes' streams. Nothing waits here but drain().
class StreamClient {
  public:
    explicit StreamClient(http::Hijacked client) : client_(std::move(client)) {}

    BorrowedFd socket() const { return client_.socket; }
    // For poll(2); `reads`: there is room for what the client says.
    short wanted(const stream::Protocol &protocol, bool reads) const;
    bool has_room(const stream::Protocol &protocol) const { return output_.size() + protocol.waiting() < kMostWaiting; }

    // Each false: the client is gone, or does not speak the protocol.
    bool begin(stream::Protocol &protocol); // what it said behind its request
    bool serve(stream::Protocol &protocol, short happened, bool reads);
    bool write(stream::Protocol &protocol);

    // The last word: waits for the client to take it and to close, but not for one that stands still, and not long once
    // `stop_event` is readable.
    void drain(stream::Protocol &protocol, BorrowedFd stop_event);

  private:
    bool read(stream::Protocol &protocol);

    http::Hijacked client_;
    std::string output_;
};

} // namespace ballast::api
