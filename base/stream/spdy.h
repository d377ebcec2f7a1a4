// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/stream/spdy_fields.h"

// One SPDY/3.1 connection without its socket, as Kubernetes carries streams of terminals and ports by it: bytes in,
// bytes out, and what happens to streams. There is no flow control, in either direction: what speaks SPDY to nodes
// neither sends nor heeds window updates, so that whoever reads slowly has to stop reading the socket. Not for several
// threads at once.
namespace ballast::stream {

class Spdy {
  public:
    using Stream = std::uint32_t;
    enum class Side { kServer, kClient };

    // A stream's number is given again by nothing that happens to another one. Calls must not feed() again.
    class Events {
      public:
        virtual ~Events() = default;
        // The other side opened a stream, and waits for accept() or reset(). `ended`: it sends nothing on it.
        virtual void on_stream(Stream stream, const Fields &fields, bool ended) = 0;
        virtual void on_accepted(Stream stream, const Fields &fields) = 0; // of a stream that we opened
        virtual void on_data(Stream stream, std::string_view bytes) = 0;
        virtual void on_end(Stream stream) = 0; // of what the other side sends
        virtual void on_reset(Stream stream, std::uint32_t status) = 0;
        virtual void on_go_away() = 0; // the other side takes no more streams
    };

    static constexpr std::uint32_t kRefused = 3; // SPDY/3 section 2.6.3
    static constexpr std::uint32_t kCancel = 5;

    struct Limits {
        std::size_t streams = 256;            // of the other side at once; one more is refused
        std::size_t control = 64UL << 10;     // bytes of a frame that is no data
        std::size_t field_bytes = 64UL << 10; // unpacked
    };

    // `events` outlives it.
    static Result<Spdy> make(Side side, Events &events, const Limits &limits);
    static Result<Spdy> make(Side side, Events &events) { return make(side, events, Limits()); }

    // EPROTO, EFBIG: the connection has to be closed after the output was sent.
    Status feed(std::string_view bytes);
    std::string take_output() { return std::exchange(output_, {}); }
    std::size_t waiting() const { return output_.size(); }

    Stream open(const Fields &fields);
    void accept(Stream stream, const Fields &fields = {});
    // On a stream that this side has ended, or that is gone, both do nothing.
    void write(Stream stream, std::string_view bytes);
    void end(Stream stream);
    void reset(Stream stream, std::uint32_t status);
    void ping();
    void go_away();
    std::size_t streams() const { return streams_.size(); }

  private:
    struct State {
        bool ended_here = false;
        bool ended_there = false;
    };

    Spdy(Side side, Events &events, const Limits &limits, FieldsPacker packer, FieldsUnpacker unpacker)
        : side_(side), events_(&events), limits_(limits), packer_(std::move(packer)), unpacker_(std::move(unpacker)),
          next_(side == Side::kClient ? 1 : 2), next_ping_(next_) {}
    Status refuse(int error, const std::string &why);
    Result<std::size_t> take_data(std::string_view bytes);
    Status take_control(unsigned type, std::uint8_t flags, std::string_view payload);
    Status take_stream(std::uint8_t flags, std::string_view payload);
    Status take_fields(unsigned type, std::uint8_t flags, std::string_view payload);
    void take_reset(std::string_view payload);
    void end_there(Stream stream);
    void write_control(unsigned type, std::uint8_t flags, std::string_view payload);
    bool is_ours(Stream stream) const { return stream % 2 == next_ % 2; }

    Side side_;
    Events *events_;
    Limits limits_;
    FieldsPacker packer_;
    FieldsUnpacker unpacker_;
    Stream next_;
    std::uint32_t next_ping_;
    Stream last_there_ = 0; // the last one that the other side opened
    std::map<Stream, State> streams_;
    std::string input_;
    Stream data_of_ = 0;        // a frame of data that is being read
    std::size_t data_left_ = 0; // bytes of it
    bool data_ends_ = false;    // with it the stream ends
    bool in_data_ = false;
    std::string output_;
    bool failed_ = false;
};

} // namespace ballast::stream
