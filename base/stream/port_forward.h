// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/stream/protocol.h"

// Connections to ports of a pod, as clients of Kubernetes ask for them (port-forward). The server's side, without its
// socket.
namespace ballast::stream {

// What they are called by clients. Over SPDY a client opens connections as it goes, by pairs of streams, one for data
// and one for what went wrong; the same goes through a WebSocket that tunnels SPDY. Over a WebSocket's channels there
// is one connection to each port that was named before, and no end of what the client sends.
inline constexpr std::string_view kForward = "portforward.k8s.io";
inline constexpr std::string_view kForwardTunnel = "SPDY/3.1+portforward.k8s.io";
inline constexpr std::array<std::string_view, 1> kForwardsOverSpdy = {kForward};
inline constexpr std::array<std::string_view, 3> kForwardsOverWebSocket = {kForwardTunnel, "v4.channel.k8s.io",
                                                                           "v4.base64.channel.k8s.io"};

class PortForward : public Protocol {
  public:
    using Connection = std::uint32_t; // no number comes twice

    class Events {
      public:
        virtual ~Events() = default;
        // A client wants to reach that port. Answer with write(), end() or refuse().
        virtual void on_connection(Connection connection, std::uint16_t port) = 0;
        virtual void on_data(Connection connection, std::string_view bytes) = 0;
        virtual void on_end(Connection connection) = 0;  // of what the client sends
        virtual void on_gone(Connection connection) = 0; // the client gave it up: nothing more is sent or received
    };

    static constexpr std::size_t kMostPorts = 40; // of a WebSocket's channels

    // `events` outlives it.
    static Result<std::unique_ptr<PortForward>> over_spdy(Events &events);
    // A protocol of the above. EINVAL: another one; channels without ports, or with too many.
    static Result<std::unique_ptr<PortForward>> over_websocket(Events &events, std::string_view protocol,
                                                               const std::vector<std::uint16_t> &ports);

    virtual void write(Connection connection, std::string_view bytes) = 0;
    // Of what the port sends.
    virtual void end(Connection connection) = 0;
    // The port could not be reached, or the connection broke: the client prints the message. Nothing more is sent or
    // received.
    virtual void refuse(Connection connection, std::string_view message) = 0;
    // Nothing more will come or go: close the connection once the output was sent.
    virtual bool over() const = 0;
};

} // namespace ballast::stream
