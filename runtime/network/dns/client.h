// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <netinet/in.h>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "runtime/network/dns/event_loop.h"
#include "runtime/network/dns/exchange.h"
#include "runtime/network/dns/message.h"
#include "runtime/network/dns/name_servers.h"
#include "runtime/network/dns/names.h"
#include "runtime/network/dns/sockets.h"

namespace ballast::dns {

// What the resolver knows about one container that asks.
struct ClientSettings {
    View view = {};
    bool forwards = true;                  // false: what no container is called is nobody's name (--internal)
    std::vector<std::string> servers = {}; // --dns; empty: the host's
    // Names without a dot that no container has are not asked for outside, but said not to be, so that the client goes
    // on with its search domains: for those who set ndots themselves.
    bool keeps_single_labels = false;
};

// A container that asks: its sockets, its streams, and its questions that are with other servers. Lives in the loop's
// thread, or under its mutex.
class Client {
  public:
    Client(EventLoop &loop, Names &names, HostServers &host, Sockets sockets);
    ~Client();
    Client(const Client &) = delete;
    Client &operator=(const Client &) = delete;

    Status start();
    void update(ClientSettings settings);

  private:
    struct Stream {
        Fd socket;
        EventLoop::Key watch = 0, idle = 0;
        std::string in, out;
        std::size_t waiting = 0; // questions of it that are with other servers
        bool ended = false;      // the client has said all
    };
    using StreamKey = std::uint64_t;
    using Asker = std::variant<sockaddr_in, StreamKey>;

    void read_datagrams();
    bool read_batch();
    // The answer; nothing when it comes later or never.
    std::optional<std::string> answer(std::string_view message, const Asker &asker);
    std::optional<std::string> forward(const Query &query, std::string_view message, const Asker &asker);
    void answered(std::uint64_t number, const Asker &asker, std::string response);

    void accept_stream();
    void stream_ready(StreamKey key, std::uint32_t events);
    bool read_stream(StreamKey key, Stream &stream); // false: it is over
    void take_messages(StreamKey key, Stream &stream);
    void flush(StreamKey key);
    void watch_idle(StreamKey key, Stream &stream);
    void close_stream(StreamKey key);

    EventLoop *loop_;
    Names *names_;
    HostServers *host_;
    Sockets sockets_;
    ClientSettings settings_;
    std::vector<NameServer> servers_;
    EventLoop::Key udp_ = 0, tcp_ = 0;
    std::uint64_t last_ = 0;
    std::map<StreamKey, Stream> streams_;
    std::map<std::uint64_t, std::unique_ptr<Exchange>> exchanges_;
};

} // namespace ballast::dns
