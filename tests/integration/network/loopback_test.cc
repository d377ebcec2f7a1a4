// SPDX-License-Identifier: Apache-2.0
#include "runtime/network/loopback/loopback.h"

#include <arpa/inet.h>
#include <array>
#include <cstring>
#include <fcntl.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/integration/network/own_cgroup.h"
#include "tests/integration/network/own_host.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::network;
using namespace ballast::network::loopback;

namespace {

constexpr const char *kContainer4 = "10.9.9.9", *kContainer6 = "fd00::9"; // of the host's own loopback device here
constexpr std::uint16_t kInside = 8080, kOutside = 18080;

union SocketAddress {
    sockaddr any;
    sockaddr_in v4;
    sockaddr_in6 v6;
};

SocketAddress address_of(const char *text, std::uint16_t port) {
    SocketAddress address{};
    if (inet_pton(AF_INET, text, &address.v4.sin_addr) == 1) {
        address.v4.sin_family = AF_INET;
        address.v4.sin_port = htons(port);
    } else {
        REQUIRE(inet_pton(AF_INET6, text, &address.v6.sin6_addr) == 1);
        address.v6.sin6_family = AF_INET6;
        address.v6.sin6_port = htons(port);
    }
    return address;
}
socklen_t size_of(const SocketAddress &address) {
    return address.any.sa_family == AF_INET ? sizeof address.v4 : sizeof address.v6;
}
std::string text_of(const SocketAddress &address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const bool v4 = address.any.sa_family == AF_INET;
    const void *bytes = v4 ? static_cast<const void *>(&address.v4.sin_addr) : &address.v6.sin6_addr;
    return std::string(inet_ntop(address.any.sa_family, bytes, text.data(), text.size())) + " " +
           std::to_string(ntohs(v4 ? address.v4.sin_port : address.v6.sin6_port));
}

void add_addresses() {
    const Fd v4(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    std::strcpy(request.ifr_name, "lo:1");
    const SocketAddress own4 = address_of(kContainer4, 0);
    std::memcpy(&request.ifr_addr, &own4.any, sizeof own4.any);
    REQUIRE(ioctl(v4.get(), SIOCSIFADDR, &request) == 0);
    const Fd v6(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    in6_ifreq request6{};
    request6.ifr6_addr = address_of(kContainer6, 0).v6.sin6_addr;
    request6.ifr6_prefixlen = 128;
    request6.ifr6_ifindex = 1;
    REQUIRE(ioctl(v6.get(), SIOCSIFADDR, &request6) == 0);
}

// A program of a container.
Fd server(int type, const char *text) {
    const SocketAddress own = address_of(text, kInside);
    Fd made(socket(own.any.sa_family, type | SOCK_CLOEXEC, 0));
    int bound = -1; // an IPv6 address takes the kernel a moment
    for (int tries = 0; bound != 0 && tries < 5000; tries++) {
        bound = bind(made.get(), &own.any, size_of(own));
        if (bound != 0) {
            (void)usleep(1000);
        }
    }
    REQUIRE(bound == 0);
    REQUIRE((type != SOCK_STREAM || listen(made.get(), 16) == 0));
    return made;
}

struct Host {
    testing::OwnHost network;
    testing::OwnCgroup cgroup;
    Loopback loopback{cgroup.path()};
    Fd tcp4, tcp6, udp4, udp6;

    Host() {
        add_addresses();
        tcp4 = server(SOCK_STREAM, kContainer4);
        tcp6 = server(SOCK_STREAM, kContainer6);
        udp4 = server(SOCK_DGRAM, kContainer4);
        udp6 = server(SOCK_DGRAM, kContainer6);
    }
    ~Host() { (void)loopback.publish({}); } // the cgroup goes anyway
    Host(const Host &) = delete;
    Host &operator=(const Host &) = delete;

    unsigned attached() const {
        const Fd directory = must(open_file(cgroup.path(), O_RDONLY | O_DIRECTORY));
        unsigned count = 0;
        for (const Hook &hook : hooks()) {
            const auto found = bpf::attached(directory, hook.kind);
            REQUIRE(found.has_value());
            count += static_cast<unsigned>(found->size());
        }
        return count;
    }
};

PublishedPort port(const char *host, const char *container, Protocol protocol = Protocol::kTcp) {
    return {.protocol = protocol,
            .host_address = network::Address::parse(host).value(),
            .host_port = kOutside,
            .container_address = network::Address::parse(container).value(),
            .container_port = kInside};
}

// A TCP connection: the peer as its program sees it; "refused".
std::string peer(const Fd &client) {
    SocketAddress address{};
    socklen_t size = sizeof address;
    return getpeername(client.get(), &address.any, &size) == 0 ? text_of(address) : "nobody";
}
std::string reach(const char *text, int family = 0, std::uint16_t where = kOutside) {
    const SocketAddress to = address_of(text, where);
    const Fd client(socket(family != 0 ? family : to.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (connect(client.get(), &to.any, size_of(to)) != 0) {
        return errno == ECONNREFUSED ? "refused" : std::strerror(errno);
    }
    return peer(client);
}

bool readable(const Fd &socket) {
    pollfd one{.fd = socket.get(), .events = POLLIN, .revents = 0};
    return poll(&one, 1, 5000) == 1;
}

// Sends to `text` without connecting; the server's answer comes from whom the client believes to speak with.
SocketAddress take(const Fd &at) {
    REQUIRE(readable(at));
    SocketAddress from{};
    socklen_t size = sizeof from;
    char byte = 0;
    REQUIRE(recvfrom(at.get(), &byte, 1, 0, &from.any, &size) == 1);
    return from;
}
void send_to(const Fd &socket, const SocketAddress &to) {
    REQUIRE(sendto(socket.get(), "x", 1, 0, &to.any, size_of(to)) == 1);
}
std::string speak(const char *text, const Fd &with, bool connected) {
    const SocketAddress to = address_of(text, kOutside);
    const Fd client(socket(to.any.sa_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (connected) {
        REQUIRE(connect(client.get(), &to.any, size_of(to)) == 0);
        REQUIRE(send(client.get(), "x", 1, 0) == 1);
    } else {
        send_to(client, to);
    }
    send_to(with, take(with));
    return text_of(take(client)) + (connected ? ", " + peer(client) : "");
}

} // namespace

TEST_CASE("the verifier takes every program", "[root][loopback]") {
    Host host;
    must(host.loopback.publish(std::array{port("0.0.0.0", kContainer4)}));
    CHECK(host.attached() == hooks().size());
}

TEST_CASE("a port that is published everywhere is reached at every loopback address", "[root][loopback]") {
    Host host;
    CHECK(reach("127.0.0.1") == "refused");
    must(host.loopback.publish(std::array{port("0.0.0.0", kContainer4), port("::", kContainer6)}));
    CHECK(reach("127.0.0.1") == "127.0.0.1 18080");
    CHECK(reach("127.1.2.3") == "127.1.2.3 18080");
    CHECK(reach("0.0.0.0") == "127.0.0.1 18080");
    CHECK(reach("::1") == "::1 18080");
    CHECK(reach("::") == "::1 18080");
    CHECK(reach("::ffff:127.0.0.1") == "::ffff:127.0.0.1 18080");
    CHECK(reach("127.0.0.1", 0, kOutside + 1) == "refused");
    CHECK(reach(kContainer4) == "refused"); // not a loopback address
    CHECK(reach(kContainer4, 0, kInside) == "10.9.9.9 8080");
}

TEST_CASE("::1 reaches a container that has IPv4 only", "[root][loopback]") {
    Host host;
    must(host.loopback.publish(std::array{port("::", kContainer4), port("::", kContainer4, Protocol::kUdp)}));
    CHECK(reach("::1") == "::1 18080");
    CHECK(reach("127.0.0.1") == "refused");
    CHECK(speak("::1", host.udp4, true) == "::1 18080, ::1 18080");
}

TEST_CASE("a port of one loopback address is not of another", "[root][loopback]") {
    Host host;
    must(host.loopback.publish(std::array{port("127.0.0.2", kContainer4), port("10.9.9.9", kContainer4)}));
    CHECK(reach("127.0.0.2") == "127.0.0.2 18080");
    CHECK(reach("127.0.0.1") == "refused");
    CHECK(reach("::ffff:127.0.0.2") == "::ffff:127.0.0.2 18080");
}

TEST_CASE("answers to datagrams come from where they were sent to", "[root][loopback]") {
    Host host;
    must(host.loopback.publish(
        std::array{port("0.0.0.0", kContainer4, Protocol::kUdp), port("::", kContainer6, Protocol::kUdp)}));
    for (const bool connected : {false, true}) {
        const auto twice = [connected](const std::string &text) { return connected ? text + ", " + text : text; };
        CHECK(speak("127.0.0.1", host.udp4, connected) == twice("127.0.0.1 18080"));
        CHECK(speak("::ffff:127.0.0.1", host.udp4, connected) == twice("::ffff:127.0.0.1 18080"));
        CHECK(speak("::1", host.udp6, connected) == twice("::1 18080"));
    }
    CHECK(reach("127.0.0.1") == "refused"); // by TCP
}

TEST_CASE("a container's own loopback is its own", "[root][loopback]") {
    Host host;
    must(host.loopback.publish(std::array{port("0.0.0.0", kContainer4)}));
    const Fd container = testing::new_network_namespace();
    const Fd client = testing::socket_in(container, SOCK_STREAM);
    const SocketAddress to = address_of("127.0.0.1", kOutside);
    CHECK(connect(client.get(), &to.any, size_of(to)) != 0);
    CHECK(errno == ECONNREFUSED);
}

TEST_CASE("another engine goes on with what it finds, and connections go on", "[root][loopback]") {
    Host host;
    must(host.loopback.publish(std::array{port("0.0.0.0", kContainer4), port("0.0.0.0", kContainer4, Protocol::kUdp)}));
    const SocketAddress to = address_of("127.0.0.1", kOutside);
    const Fd stream(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    REQUIRE(connect(stream.get(), &to.any, size_of(to)) == 0);
    const Fd accepted(accept4(host.tcp4.get(), nullptr, nullptr, SOCK_CLOEXEC));
    const Fd datagrams(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    send_to(datagrams, to);
    const SocketAddress asked = take(host.udp4);

    Loopback next(host.cgroup.path());
    must(next.publish(std::array{port("0.0.0.0", kContainer4, Protocol::kUdp), port("::", kContainer6)}));
    CHECK(host.attached() == hooks().size());
    send_to(host.udp4, asked);
    CHECK(text_of(take(datagrams)) == "127.0.0.1 18080");
    CHECK(reach("127.0.0.1") == "refused");
    CHECK(reach("::1") == "::1 18080");
    CHECK(peer(stream) == "127.0.0.1 18080");

    must(next.publish({}));
    CHECK(host.attached() == 0);
    CHECK(reach("::1") == "refused");
    REQUIRE(send(accepted.get(), "x", 1, 0) == 1);
    CHECK(readable(stream));
    must(next.publish(std::array{port("::", kContainer6)}));
    CHECK(reach("::1") == "::1 18080");
}

TEST_CASE("programs are left alone while they are in force, and put back when they are not", "[root][loopback]") {
    Host host;
    const std::array ports{port("0.0.0.0", kContainer4)};
    must(host.loopback.publish(ports));
    const Fd directory = must(open_file(host.cgroup.path(), O_RDONLY | O_DIRECTORY));
    const auto id = [&directory] {
        const auto found = bpf::attached(directory, hooks()[0].kind);
        REQUIRE(found.has_value());
        return found->empty() ? 0 : bpf::about(found->front())->id;
    };
    const auto before = id();
    must(host.loopback.publish(std::array{ports[0], port("::", kContainer6)}));
    CHECK(id() == before);
    CHECK(bpf::detach(directory, hooks()[0].kind, bpf::attached(directory, hooks()[0].kind)->front()) == 0);
    CHECK(reach("127.0.0.1") == "refused");
    must(host.loopback.publish(ports));
    CHECK(reach("127.0.0.1") == "127.0.0.1 18080");
    CHECK(reach("::1") == "refused");
}

TEST_CASE("without cgroup version 2 it says so", "[loopback]") {
    CHECK(error_of(Loopback("/tmp").publish({})).code == ENOTSUP);
}
