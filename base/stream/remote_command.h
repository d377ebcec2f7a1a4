// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/stream/protocol.h"

// A program's streams between a node and a client of Kubernetes (exec and attach): "remote commands" over SPDY/3.1 or
// WebSocket. The server's side, without its socket.
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

// The object "Status" of Kubernetes' API, as JSON; what versions before 4 say of an end: a text, none when all is well.
std::string status_json(const CommandEnd &end);
std::string status_text(const CommandEnd &end);

// What they are called by clients. Version 5 says that the input ended, 4 tells the end as JSON, 3 knows a terminal's
// size; 2 and 1 ("channel.k8s.io") do not differ here.
inline constexpr std::string_view kCommandV5 = "v5.channel.k8s.io";
inline constexpr std::string_view kCommandV4 = "v4.channel.k8s.io";
inline constexpr std::string_view kCommandV1 = "channel.k8s.io";
inline constexpr std::array<std::string_view, 5> kCommandsOverWebSocket = {
    kCommandV5, kCommandV4, "v4.base64.channel.k8s.io", kCommandV1, "base64.channel.k8s.io"};
inline constexpr std::array<std::string_view, 4> kCommandsOverSpdy = {kCommandV4, "v3.channel.k8s.io",
                                                                      "v2.channel.k8s.io", kCommandV1};

// The first of what a client offers that is also in `spoken`.
std::optional<std::string> choose_protocol(const std::vector<std::string> &offered,
                                           std::span<const std::string_view> spoken);

class RemoteCommand : public Protocol {
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

    // `events` outlives it. EINVAL: the protocol is none of the above.
    static Result<std::unique_ptr<RemoteCommand>> over_websocket(Events &events, const CommandStreams &streams,
                                                                 std::string_view protocol);
    static Result<std::unique_ptr<RemoteCommand>> over_spdy(Events &events, const CommandStreams &streams,
                                                            std::string_view protocol);

    virtual void write_output(std::string_view bytes) = 0;
    virtual void write_errors(std::string_view bytes) = 0;
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
