// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/cri_forward_stream.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <map>
#include <memory>
#include <poll.h>
#include <sys/socket.h>
#include <vector>

#include "base/stream/port_forward.h"
#include "runtime/api/cri_pod_port.h"
#include "runtime/api/cri_stream_client.h"
#include "runtime/api/cri_upgrade.h"

namespace ballast::api {
namespace {

using stream::PortForward;

// A client and the ports that it reaches; one thread.
class Forwarding : private PortForward::Events {
  public:
    Forwarding(http::Hijacked client, std::string network_namespace)
        : client_(std::move(client)), namespace_(std::move(network_namespace)) {}

    static Result<std::unique_ptr<Forwarding>> begin(http::Exchange &exchange, const ForwardStream &what) {
        const Upgrade upgrade = TRY(read_upgrade(exchange.request(), stream::kForwardsOverSpdy,
                                                 stream::kForwardsOverWebSocket, "v4.channel.k8s.io"));
        Unconnected nobody; // what is refused is refused before the connection is taken over
        if (upgrade.wire == Upgrade::Wire::kWebSocket) {
            (void)TRY(PortForward::over_websocket(nobody, upgrade.protocol, what.ports));
        }
        auto forwarding = std::make_unique<Forwarding>(TRY(exchange.upgrade(upgrade.answer)), what.network_namespace);
        PortForward::Events &events = *forwarding;
        forwarding->forward_ = TRY(upgrade.wire == Upgrade::Wire::kSpdy
                                       ? PortForward::over_spdy(events)
                                       : PortForward::over_websocket(events, upgrade.protocol, what.ports));
        return forwarding;
    }

    // Until the client goes or the server stops.
    void carry(BorrowedFd stop_event) {
        bool fine = client_.begin(*forward_) && client_.write(*forward_);
        while (fine && !forward_->over()) {
            const bool reads = fill(stop_event);
            const int ready = poll(entries_.data(), entries_.size(), kStreamPing);
            if (ready < 0) {
                continue; // EINTR, or a lack of memory that passes
            }
            if (ready == 0) {
                forward_->ping();
            }
            for (std::size_t index = 0; index < order_.size(); index++) {
                if (entries_[index + 2].revents != 0) {
                    move(order_[index], entries_[index + 2].revents);
                }
            }
            fine = entries_[0].revents == 0 && client_.serve(*forward_, entries_[1].revents, reads) &&
                   client_.write(*forward_);
        }
        client_.drain(*forward_, stop_event);
    }

  private:
    struct Unconnected : PortForward::Events {
        void on_connection(PortForward::Connection, std::uint16_t) override {}
        void on_data(PortForward::Connection, std::string_view) override {}
        void on_end(PortForward::Connection) override {}
        void on_gone(PortForward::Connection) override {}
    };

    // What is polled for: the server's stop, the client, the ports in `order_`. Is there room for what the client says?
    bool fill(BorrowedFd stop_event) {
        std::size_t waiting = 0;
        order_.clear();
        entries_ = {pollfd{stop_event.get(), POLLIN, 0}, pollfd{}};
        const bool room = client_.has_room(*forward_);
        for (const auto &[connection, port] : ports_) {
            waiting += port.waiting();
            entries_.push_back({port.socket().get(), port.wanted(room), 0});
            order_.push_back(connection);
        }
        const bool reads = waiting < kMostWaiting;
        entries_[1] = {client_.socket().get(), client_.wanted(*forward_, reads), 0};
        return reads;
    }

    void move(PortForward::Connection connection, short happened) {
        const auto found = ports_.find(connection);
        if (found == ports_.end()) {
            return;
        }
        PodPort &port = found->second;
        const Status moved = port.serve(happened, [&](std::string_view bytes) { forward_->write(connection, bytes); });
        if (!moved) {
            forward_->refuse(connection, moved.error().message);
            ports_.erase(found);
        } else if (port.ended() && !port.told_end) {
            port.told_end = true;
            forward_->end(connection);
        }
        forget_ended(connection);
    }
    void forget_ended(PortForward::Connection connection) {
        const auto found = ports_.find(connection);
        if (found != ports_.end() && found->second.over()) {
            ports_.erase(found);
        }
    }

    void on_connection(PortForward::Connection connection, std::uint16_t number) override {
        Result<PodPort> port = PodPort::connect(namespace_, number);
        if (port) {
            ports_.emplace(connection, std::move(*port));
        } else {
            forward_->refuse(connection, port.error().message);
        }
    }
    void on_data(PortForward::Connection connection, std::string_view bytes) override {
        if (const auto found = ports_.find(connection); found != ports_.end()) {
            found->second.give(bytes);
        }
    }
    void on_end(PortForward::Connection connection) override {
        if (const auto found = ports_.find(connection); found != ports_.end()) {
            found->second.give_end();
            forget_ended(connection);
        }
    }
    void on_gone(PortForward::Connection connection) override { ports_.erase(connection); }

    StreamClient client_;
    std::string namespace_;
    std::unique_ptr<PortForward> forward_;
    std::map<PortForward::Connection, PodPort> ports_;
    std::vector<PortForward::Connection> order_;
    std::vector<pollfd> entries_;
};

} // namespace

Status serve_forward(http::Exchange &exchange, const ForwardStream &what) {
    const BorrowedFd stop_event = exchange.stop_event();
    const std::unique_ptr<Forwarding> forwarding = TRY(Forwarding::begin(exchange, what));
    forwarding->carry(stop_event);
    return {};
}

} // namespace ballast::api
