// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/stream/channels.h"
#include "base/stream/port_forward.h"
#include "base/stream/websocket.h"

namespace ballast::stream {
namespace {

// SPDY's bytes in a WebSocket's messages.
class Tunnel : public PortForward, private WebSocket::Events {
  public:
    explicit Tunnel(std::unique_ptr<PortForward> inner)
        : inner_(std::move(inner)), socket_(WebSocket::Side::kServer, *this) {}

    Status feed(std::string_view bytes) override {
        if (!fed_) {
            return {};
        }
        TRY(socket_.feed(bytes));
        if (!fed_) {
            wrap();
            socket_.close(WebSocket::kProtocolError);
        }
        return fed_;
    }
    std::string take_output() override {
        wrap();
        return socket_.take_output();
    }
    std::size_t waiting() const override { return inner_->waiting() + socket_.waiting(); }
    void ping() override { socket_.ping(); }

    void write(Connection connection, std::string_view bytes) override { inner_->write(connection, bytes); }
    void end(Connection connection) override { inner_->end(connection); }
    void refuse(Connection connection, std::string_view message) override { inner_->refuse(connection, message); }
    bool over() const override { return socket_.closed_here() || inner_->over(); }

  private:
    void wrap() {
        if (const std::string bytes = inner_->take_output(); !bytes.empty()) {
            socket_.send(false, bytes);
        }
    }
    void on_message(bool text, std::string_view message) override {
        if (fed_) {
            fed_ = text ? fail(EPROTO, "WebSocket: a text in a tunnel") : inner_->feed(message);
        }
    }
    void on_close(std::uint16_t) override {}

    std::unique_ptr<PortForward> inner_;
    Status fed_;
    WebSocket socket_;
};

class OverChannels : public PortForward, private Channels::Events {
  public:
    OverChannels(PortForward::Events &events, Channels::Coding coding, const std::vector<std::uint16_t> &ports)
        : events_(events), ports_(ports), open_(ports.size(), true), channels_(*this, coding) {}

    Status feed(std::string_view bytes) override {
        if (!begun_) {
            begun_ = true;
            begin();
        }
        return channels_.feed(bytes);
    }
    std::string take_output() override { return channels_.take_output(); }
    std::size_t waiting() const override { return channels_.waiting(); }
    void ping() override { channels_.ping(); }

    void write(Connection connection, std::string_view bytes) override {
        if (is_open(connection)) {
            channels_.send(data_of(connection), bytes);
        }
    }
    void end(Connection connection) override {
        if (is_open(connection)) {
            open_[connection] = false;
            close_when_over();
        }
    }
    void refuse(Connection connection, std::string_view message) override {
        if (is_open(connection)) {
            channels_.send(static_cast<std::uint8_t>(data_of(connection) + 1), message);
            end(connection);
        }
    }
    bool over() const override { return channels_.closed(); }

  private:
    static std::uint8_t data_of(Connection connection) { return static_cast<std::uint8_t>(2 * connection); }
    bool is_open(Connection connection) const { return connection < open_.size() && open_[connection]; }

    // The first message of each channel is its port, in little-endian order.
    void begin() {
        for (Connection connection = 0; connection < ports_.size(); connection++) {
            const std::uint16_t port = ports_[connection];
            const std::string number{static_cast<char>(port & 0xffU), static_cast<char>(port >> 8U)};
            channels_.send(data_of(connection), number);
            channels_.send(static_cast<std::uint8_t>(data_of(connection) + 1), number);
        }
        for (Connection connection = 0; connection < ports_.size(); connection++) {
            events_.on_connection(connection, ports_[connection]);
        }
    }
    void close_when_over() {
        if (!std::ranges::contains(open_, true)) {
            channels_.close();
        }
    }

    void on_channel(std::uint8_t channel, std::string_view bytes) override {
        const Connection connection = channel / 2;
        if (channel % 2 == 0 && is_open(connection) && !bytes.empty()) {
            events_.on_data(connection, bytes);
        }
    }
    void on_close() override {
        for (Connection connection = 0; connection < open_.size(); connection++) {
            if (open_[connection]) {
                open_[connection] = false;
                events_.on_gone(connection);
            }
        }
    }

    PortForward::Events &events_;
    std::vector<std::uint16_t> ports_;
    std::vector<bool> open_;
    bool begun_ = false;
    Channels channels_;
};

} // namespace

Result<std::unique_ptr<PortForward>> PortForward::over_websocket(Events &events, std::string_view protocol,
                                                                 const std::vector<std::uint16_t> &ports) {
    if (!std::ranges::contains(kForwardsOverWebSocket, protocol)) {
        return fail(EINVAL, "no protocol of ports over WebSocket: " + std::string(protocol));
    }
    if (protocol == kForwardTunnel) {
        return std::make_unique<Tunnel>(TRY(over_spdy(events)));
    }
    if (ports.empty() || ports.size() > kMostPorts) {
        return fail(EINVAL, std::string(protocol) + ": want 1 to " + std::to_string(kMostPorts) + " ports");
    }
    const bool text = protocol.contains("base64");
    return std::make_unique<OverChannels>(events, text ? Channels::Coding::kBase64 : Channels::Coding::kBinary, ports);
}

} // namespace ballast::stream
