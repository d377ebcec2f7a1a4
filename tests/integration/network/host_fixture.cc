// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/host_fixture.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thread>

#include "base/subprocess.h"
#include "runtime/network/namespace.h"

namespace ballast::network_tests {
namespace {

constexpr int kPatience = 1000; // milliseconds until an answer that does not come

void own_namespaces() {
    static const bool done = [] {
        return ::unshare(CLONE_NEWNS) == 0 && ::mount("", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0;
    }();
    if (!done || ::unshare(CLONE_NEWNET) != 0) {
        SKIP("needs root, to make namespaces");
    }
}

void ip(const std::string &words) {
    Command command{.arguments = {"ip"}};
    for (std::size_t at = 0; at < words.size();) {
        const std::size_t end = std::min(words.find(' ', at), words.size());
        command.arguments.push_back(words.substr(at, end - at));
        at = end + 1;
    }
    must(run_checked(command));
}

struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t size = sizeof(sockaddr_storage);
    sockaddr *get() { return reinterpret_cast<sockaddr *>(&storage); }
};

SocketAddress socket_address(const std::string &text, std::uint16_t port) {
    SocketAddress address;
    if (text.contains(':')) {
        auto *v6 = reinterpret_cast<sockaddr_in6 *>(&address.storage);
        *v6 = {
            .sin6_family = AF_INET6, .sin6_port = htons(port), .sin6_flowinfo = 0, .sin6_addr = {}, .sin6_scope_id = 0};
        inet_pton(AF_INET6, text.c_str(), &v6->sin6_addr);
        address.size = sizeof *v6;
    } else {
        auto *v4 = reinterpret_cast<sockaddr_in *>(&address.storage);
        *v4 = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {}, .sin_zero = {}};
        inet_pton(AF_INET, text.c_str(), &v4->sin_addr);
        address.size = sizeof *v4;
    }
    return address;
}

std::string text_of(const SocketAddress &address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    if (address.storage.ss_family == AF_INET6) {
        return inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6 *>(&address.storage)->sin6_addr, text.data(),
                         text.size());
    }
    return inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in *>(&address.storage)->sin_addr, text.data(),
                     text.size());
}

void in_place(const fs::path &place, const std::function<void()> &work) {
    if (place == HostFixture::host()) {
        work();
        return;
    }
    must(in_namespace(place, [&work](BorrowedFd) -> Status {
        work();
        return {};
    }));
}

Fd socket_in(const fs::path &place, Protocol protocol, bool v6) {
    Fd made;
    in_place(place, [&] {
        made = Fd(::socket(v6 ? AF_INET6 : AF_INET,
                           (protocol == Protocol::kTcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    });
    return made;
}

bool ready(const Fd &socket, short events) {
    pollfd one{.fd = socket.get(), .events = events, .revents = 0};
    return poll(&one, 1, kPatience) == 1;
}

} // namespace

HostFixture::HostFixture() {
    own_namespaces();
    if (mount("tmpfs", root().c_str(), "tmpfs", 0, "mode=0700") != 0) {
        FAIL("tmpfs: " << errno);
    }
    ip("link set lo up");
    must(make_namespace(outside(), [](BorrowedFd) -> Status { return {}; }));
    ip("link add uplink type veth peer name outer netns " + outside().string());
    for (const char *words :
         {"link set uplink up", "addr add 192.0.2.1/24 dev uplink", "addr add 2001:db8::1/64 dev uplink nodad"}) {
        ip(words);
    }
    in_place(outside(), [] {
        for (const char *words : {"link set lo up", "link set outer up", "addr add 192.0.2.2/24 dev outer",
                                  "addr add 2001:db8::2/64 dev outer nodad", "route add default via 192.0.2.1",
                                  "route add default via 2001:db8::1"}) {
            ip(words);
        }
    });
}

HostFixture::~HostFixture() {
    networks_.reset();
    (void)umount2(root().c_str(), MNT_DETACH);
}

void HostFixture::open(Settings settings, const std::set<std::string> &running) {
    settings.data_root = root() / "data";
    settings.run_root = root() / "run";
    warnings.clear();
    networks_ = must(Networks::open(std::move(settings), warnings));
    const Texts problems = networks_->restore(running);
    warnings.insert(warnings.end(), problems.begin(), problems.end());
}

void HostFixture::close() { networks_.reset(); }

Sandbox HostFixture::start(char number, const std::vector<EndpointWish> &endpoints,
                           const std::vector<PortRequest> &ports) {
    const SandboxWish wish{.container_id = id(number),
                           .container_name = std::string("c") + number,
                           .endpoints = endpoints,
                           .ports = ports};
    Sandbox sandbox = must(networks_->reserve(wish));
    must(networks_->build(id(number)));
    return sandbox;
}

std::string output_in(const fs::path &place, const std::vector<std::string> &words) {
    std::string output;
    in_place(place, [&] {
        const Completed done = must(run({.arguments = words}));
        output = done.output + done.errors;
    });
    return output;
}

Server::Server(const fs::path &place, Protocol protocol, const std::string &address, std::uint16_t port)
    : socket_(socket_in(place, protocol, address.contains(':'))), stop_(eventfd(0, EFD_CLOEXEC)) {
    SocketAddress own = socket_address(address, port);
    const int on = 1;
    (void)setsockopt(socket_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    REQUIRE(bind(socket_.get(), own.get(), own.size) == 0);
    REQUIRE((protocol != Protocol::kTcp || listen(socket_.get(), 8) == 0));
    thread_ = std::jthread([this, protocol] {
        for (;;) {
            std::array<pollfd, 2> waiting{{{.fd = socket_.get(), .events = POLLIN, .revents = 0},
                                           {.fd = stop_.get(), .events = POLLIN, .revents = 0}}};
            if (poll(waiting.data(), waiting.size(), -1) < 1 || waiting[1].revents != 0) {
                return;
            }
            SocketAddress from;
            if (protocol == Protocol::kTcp) {
                const Fd client(accept4(socket_.get(), from.get(), &from.size, SOCK_CLOEXEC));
                const std::string said = text_of(from);
                (void)send(client.get(), said.data(), said.size(), MSG_NOSIGNAL); // it may be gone
                continue;
            }
            std::array<char, 64> buffer{};
            (void)recvfrom(socket_.get(), buffer.data(), buffer.size(), 0, from.get(), &from.size);
            const std::string said = text_of(from);
            (void)sendto(socket_.get(), said.data(), said.size(), 0, from.get(), from.size);
        }
    });
}

Server::~Server() {
    const std::uint64_t one = 1;
    (void)!::write(stop_.get(), &one, sizeof one);
}

std::string ask_from(const fs::path &place, Protocol protocol, const std::string &address, std::uint16_t port) {
    const Fd socket = socket_in(place, protocol, address.contains(':'));
    SocketAddress server = socket_address(address, port);
    const bool connected = connect(socket.get(), server.get(), server.size) == 0;
    if (!connected && (errno != EINPROGRESS || !ready(socket, POLLOUT))) {
        return {};
    }
    if (protocol != Protocol::kTcp && send(socket.get(), "?", 1, 0) != 1) {
        return {};
    }
    std::array<char, 64> buffer{};
    if (!ready(socket, POLLIN)) {
        return {};
    }
    const ssize_t got = recv(socket.get(), buffer.data(), buffer.size(), 0);
    return got > 0 ? std::string(buffer.data(), static_cast<std::size_t>(got)) : std::string();
}

PortRequest port_request(std::uint16_t container, std::uint16_t host, Protocol protocol,
                         const std::string &host_address) {
    PortRequest request{
        .protocol = protocol, .container_port = container, .first_host_port = host, .last_host_port = host};
    if (!host_address.empty()) {
        request.host_address = Address::parse(host_address);
    }
    return request;
}

} // namespace ballast::network_tests
