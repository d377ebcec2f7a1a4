// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

// One HTTP/2 connection (RFC 9113) without its socket: what bytes mean, and the bytes to answer with. By libnghttp2,
// which this is the only place to include. Not for several threads at once.
namespace ballast::grpc {

using Fields = std::vector<std::pair<std::string, std::string>>; // names in lower case

// The first of that name; empty when there is none.
std::string_view field(const Fields &fields, std::string_view name);

struct SessionLimits {
    std::uint32_t streams = 256;           // that the other side may have open at once
    std::size_t header_bytes = 64UL << 10; // of one stream; more: the stream is reset
};

class Session {
  public:
    using Stream = std::int32_t;

    // What came in. The calls must not feed() again; everything else may be done in them.
    class Events {
      public:
        virtual ~Events() = default;
        // A block of fields is complete: a request, a response (":status"), trailers (no ":status").
        virtual void on_fields(Stream stream, const Fields &fields) = 0;
        virtual void on_data(Stream stream, std::string_view bytes) = 0;
        // The other side sends no more on this stream.
        virtual void on_end(Stream stream) = 0;
        // Nothing more happens on this stream. `error`: 0, or the code it was reset with (RFC 9113 section 7).
        virtual void on_closed(Stream stream, std::uint32_t error) = 0;
    };

    enum class Side { kServer, kClient };
    static constexpr std::uint32_t kRefusedStream = 7;
    static constexpr std::uint32_t kCancel = 8;

    // `events` outlives it.
    static Result<std::unique_ptr<Session>> make(Side side, Events &events, const SessionLimits &limits = {});
    ~Session();
    Session(const Session &) = delete;
    Session &operator=(const Session &) = delete;

    // What the other side sent. EPROTO: it does not speak HTTP/2, and nothing but closing the connection is left once
    // output() has been sent.
    Status feed(std::string_view bytes);
    // What is to be sent next, at most about `most` bytes; empty: nothing for now (flow control counts).
    Result<std::string> output(std::size_t most);
    // Neither side has anything to say to the other any more.
    bool over() const;

    // A client's request, of which nothing is sent yet; its body follows by append(). ECONNREFUSED: the other side
    // takes no more requests on this connection.
    Result<Stream> open(const Fields &request);
    // A server's response; its body follows by append() and finish().
    void respond(Stream stream, const Fields &fields);
    // A response without a body.
    void respond_and_end(Stream stream, const Fields &fields);
    // More of a body. `bytes` on a stream that is closed are dropped.
    void append(Stream stream, std::string_view bytes);
    // The end of a body, with trailers when there are any.
    void finish(Stream stream, Fields trailers = {});
    // Bytes of a body that wait for being sent.
    std::size_t waiting(Stream stream) const;
    void reset(Stream stream, std::uint32_t error);
    void ping();
    // GOAWAY: takes no more requests; streams there are go on.
    void go_away();

  private:
    struct Callbacks; // libnghttp2's view of this
    struct Body {
        std::string bytes;
        std::size_t sent = 0; // of bytes
        bool finished = false;
        Fields trailers;
        std::size_t header_bytes = 0;
        Fields fields; // a block that comes in
    };
    struct Handle;

    Session(Side side, Events &events, const SessionLimits &limits);

    Side side_;
    Events &events_;
    SessionLimits limits_;
    std::unique_ptr<Handle> handle_;
    std::map<Stream, Body> bodies_;
};

} // namespace ballast::grpc
