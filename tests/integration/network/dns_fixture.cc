// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/dns_fixture.h"

#include <arpa/inet.h>
#include <array>
#include <poll.h>
#include <sys/socket.h>

#include "runtime/network/dns/message.h"
#include "runtime/network/dns/wire.h"
#include "tests/unit/check.h"

namespace ballast::dns::testing {
namespace {

bool readable(const Fd &socket, std::chrono::milliseconds patience) {
    pollfd one{.fd = socket.get(), .events = POLLIN, .revents = 0};
    return poll(&one, 1, static_cast<int>(patience.count())) == 1;
}

int type_of(const Fd &socket) {
    int type = 0;
    socklen_t size = sizeof type;
    REQUIRE(getsockopt(socket.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0);
    return type;
}

std::optional<std::string> receive_stream(int socket) {
    std::array<unsigned char, 2> length{};
    if (recv(socket, length.data(), length.size(), MSG_WAITALL) != 2) {
        return std::nullopt;
    }
    std::string message((static_cast<std::size_t>(length[0]) << 8) + length[1], '\0');
    if (recv(socket, message.data(), message.size(), MSG_WAITALL) != static_cast<ssize_t>(message.size())) {
        return std::nullopt;
    }
    return message;
}

std::string with_length(const std::string &message) {
    std::string bytes;
    put_number(bytes, static_cast<unsigned>(message.size()));
    return bytes + message;
}

} // namespace

sockaddr_in at(const char *address, std::uint16_t port) {
    sockaddr_in whole{};
    whole.sin_family = AF_INET;
    whole.sin_port = htons(port);
    REQUIRE(inet_pton(AF_INET, address, &whole.sin_addr) == 1);
    return whole;
}

Fd client_in(BorrowedFd network_namespace, int type, const char *server) {
    Fd socket = socket_in(network_namespace, type);
    const sockaddr_in resolver = at(server);
    REQUIRE(connect(socket.get(), reinterpret_cast<const sockaddr *>(&resolver), sizeof resolver) == 0);
    return socket;
}

std::string query(std::uint16_t id, std::string_view name, unsigned type) {
    std::string message;
    put_number(message, id);
    for (const unsigned number : {0x0100, 1, 0, 0, 0}) {
        put_number(message, number);
    }
    while (!name.empty()) {
        const std::size_t end = std::min(name.find('.'), name.size());
        message += static_cast<char>(end);
        message += name.substr(0, end);
        name.remove_prefix(std::min(end + 1, name.size()));
    }
    message += '\0';
    put_number(message, type);
    put_number(message, 1);
    return message;
}

void send_query(const Fd &socket, const std::string &message) {
    const std::string bytes = type_of(socket) == SOCK_STREAM ? with_length(message) : message;
    REQUIRE(send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(bytes.size()));
}

std::optional<std::string> receive(const Fd &socket, std::chrono::milliseconds patience) {
    if (!readable(socket, patience)) {
        return std::nullopt;
    }
    if (type_of(socket) == SOCK_STREAM) {
        return receive_stream(socket.get());
    }
    std::string message(kLargest, '\0');
    const ssize_t got = recv(socket.get(), message.data(), message.size(), 0);
    if (got < 0) {
        return std::nullopt;
    }
    message.resize(static_cast<std::size_t>(got));
    return message;
}

std::string shown(const std::optional<std::string> &response) {
    if (!response) {
        return "silence";
    }
    std::string text = std::to_string(number_at(*response, kFlagsAt) & kCodeMask);
    if ((number_at(*response, kFlagsAt) & kIsTruncated) != 0) {
        text += " truncated";
    }
    // Records of ours and of NameServerThread have a pointer for their name.
    std::size_t place = response->find("\xc0\x0c");
    for (unsigned i = number_at(*response, kAnswersAt); i > 0; i--) {
        const std::size_t size = number_at(*response, place + 10);
        const std::string data = response->substr(place + 12, size);
        std::array<char, INET6_ADDRSTRLEN> address{};
        text += " ";
        text += size == 4 || size == 16
                    ? inet_ntop(size == 4 ? AF_INET : AF_INET6, data.data(), address.data(), address.size())
                    : data.c_str();
        place += 12 + size;
    }
    return text;
}

std::string ask(const Fd &socket, std::string_view name, unsigned type) {
    constexpr std::uint16_t kId = 0x4711;
    send_query(socket, query(kId, name, type));
    const std::optional<std::string> response = receive(socket);
    if (response && number_at(*response, 0) != kId) {
        return "another id";
    }
    return shown(response);
}

NameServerThread::NameServerThread(const char *address, Answer answer)
    : answer_(std::move(answer)), udp_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
      tcp_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const sockaddr_in own = at(address);
    for (const Fd *socket : {&udp_, &tcp_}) {
        const int on = 1; // streams of a server before it may still be closing
        REQUIRE(setsockopt(socket->get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0);
        REQUIRE(bind(socket->get(), reinterpret_cast<const sockaddr *>(&own), sizeof own) == 0);
    }
    REQUIRE(listen(tcp_.get(), 16) == 0);
    thread_ = std::jthread([this](const std::stop_token &stop) { run(stop); });
}

NameServerThread::~NameServerThread() {
    thread_.request_stop();
    (void)shutdown(tcp_.get(), SHUT_RDWR); // wakes the thread
    thread_.join();
}

void NameServerThread::run(const std::stop_token &stop) {
    while (!stop.stop_requested()) {
        std::array<pollfd, 2> both{pollfd{.fd = udp_.get(), .events = POLLIN, .revents = 0},
                                   pollfd{.fd = tcp_.get(), .events = POLLIN, .revents = 0}};
        (void)poll(both.data(), both.size(), -1);
        if (both[0].revents != 0) {
            std::string message(kLargest, '\0');
            Asked asked{.message = {}, .tcp = false, .from = {}, .socket = udp_.get()};
            socklen_t size = sizeof asked.from;
            const ssize_t got = recvfrom(udp_.get(), message.data(), message.size(), 0,
                                         reinterpret_cast<sockaddr *>(&asked.from), &size);
            asked.message = message.substr(0, static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
            count_++;
            if (const auto reply = answer_(asked)) {
                (void)sendto(udp_.get(), reply->data(), reply->size(), 0,
                             reinterpret_cast<const sockaddr *>(&asked.from), size);
            }
        }
        if (both[1].revents != 0) {
            const Fd stream(accept4(tcp_.get(), nullptr, nullptr, SOCK_CLOEXEC));
            const auto message = stream.is_open() ? receive_stream(stream.get()) : std::nullopt;
            const auto reply =
                message ? answer_({.message = *message, .tcp = true, .from = {}, .socket = -1}) : std::nullopt;
            count_ += message ? 1 : 0;
            if (reply) {
                const std::string bytes = with_length(*reply);
                (void)send(stream.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            }
        }
    }
}

std::string addressed(const std::string &query, const char *address, std::size_t times) {
    const auto read = read_query(query);
    const std::vector<Record> records(times, Address::parse(address).value());
    return write_response(read.value(), Code::kNoError, records, kLargest);
}

} // namespace ballast::dns::testing
