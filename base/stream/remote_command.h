// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// A program's streams between a node and a client of Kubernetes (exec and attach): "remote commands" of version 4 over
// SPDY/3.1 or WebSocket, and of version 5 over WebSocket. The server's side, without its socket.
namespace ballast::stream {

struct CommandStreams {
    bool input = false;
    bool output = false;
    bool errors = false; // never with a terminal
    bool terminal = false;
};

// How a command ended, as clients are told.
struct CommandEnd {
    std::optional<int> exit_code = {}; // nothing: it could not be run, or not be seen to its end
    std::string message = {};          // of the error
};

// The object "Status" of Kubernetes' API, as JSON.
std::string status_json(const CommandEnd &end);

inline constexpr std::string_view kCommandV4 = "v4.channel.k8s.io";
inline constexpr std::string_view kCommandV5 = "v5.channel.k8s.io"; // with WebSocket only: says that the input ended

// The first of what a client offers that is also in `spoken`.
std::optional<std::string> choose_protocol(const std::vector<std::string> &offered,
                                           std::span<const std::string_view> spoken);

class RemoteCommand {
  public:
    class Events {
      public:
        virtual ~Events() = default;
        virtual void on_ready() = 0; // all streams are there: output may be written
        virtual void on_input(std::string_view bytes) = 0;
        virtual void on_input_end() = 0;
        virtual void on_size(std::uint16_t columns, std::uint16_t rows) = 0; // of the terminal
        virtual void on_gone() = 0;                                          // the client closed the connection
    };
    virtual ~RemoteCommand() = default;

    // `events` outlives it. The protocol is kCommandV4 or kCommandV5.
    static Result<std::unique_ptr<RemoteCommand>> over_websocket(Events &events, const CommandStreams &streams,
                                                                 std::string_view protocol);
    static Result<std::unique_ptr<RemoteCommand>> over_spdy(Events &events, const CommandStreams &streams);

    // EPROTO, EFBIG: close the connection once the output was sent.
    virtual Status feed(std::string_view bytes) = 0;
    virtual std::string take_output() = 0;
    virtual std::size_t waiting() const = 0; // bytes of output: above some size, read the program's no further

    virtual void write_output(std::string_view bytes) = 0;
    virtual void write_errors(std::string_view bytes) = 0;
    virtual void ping() = 0;
    // The last thing to say. Close the connection once the output was sent.
    virtual void finish(const CommandEnd &end) = 0;
};

// {"Width":80,"Height":24}; nothing for anything else.
struct TerminalSize {
    std::uint16_t columns = 0;
    std::uint16_t rows = 0;
};
std::optional<TerminalSize> parse_terminal_size(std::string_view json);

} // namespace ballast::stream
