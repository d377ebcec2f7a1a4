// SPDX-License-Identifier: Apache-2.0
#include <netinet/in.h>
#include <set>
#include <sys/socket.h>

#include "runtime/network/dns/resolver.h"
#include "runtime/network/dns/wire.h"
#include "tests/integration/network/dns_fixture.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::dns;
using namespace ballast::dns::testing;

namespace {

constexpr unsigned kMx = 15;

// A host whose resolv.conf names two servers, and one container on the network "front" beside another one.
struct Machine {
    OwnHost host;
    TemporaryDirectory directory = scratch();
    Resolver resolver{directory.path() / "resolv.conf"};
    Fd container = new_network_namespace();
    ClientSettings settings{
        .view = {.networks = {"f"}, .links = {}}, .forwards = true, .servers = {}, .keeps_single_labels = false};

    Machine() {
        must(write_file(directory.path() / "resolv.conf", "nameserver 127.0.0.53\nnameserver 127.0.0.54\n"));
        resolver.names().add_network("f", "front");
        resolver.names().put(
            "f", {.container = "1", .names = {"web", "www"}, .addresses = {Address::parse("10.0.0.2").value()}});
        must(resolver.attach("me", must(open_sockets(container)), settings));
    }
    Fd udp() { return client_in(container, SOCK_DGRAM); }
    Fd tcp() { return client_in(container, SOCK_STREAM); }
};

// As a name server binds who serves everybody: IPv4 as well, by an IPv6 socket.
Fd bound_in(BorrowedFd network_namespace, int type) {
    Fd socket = socket_in(network_namespace, type, AF_INET6);
    sockaddr_in6 all{};
    all.sin6_family = AF_INET6;
    all.sin6_port = htons(53);
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr *>(&all), sizeof all) == 0);
    return socket;
}

std::optional<std::string> silent(const NameServerThread::Asked &) { return std::nullopt; }

} // namespace

TEST_CASE("a container finds others by name and address, by UDP and TCP", "[root][dns]") {
    Machine machine;
    for (const Fd &socket : {machine.udp(), machine.tcp()}) {
        CHECK(ask(socket, "web") == "0 10.0.0.2");
        CHECK(ask(socket, "WWW") == "0 10.0.0.2");
        CHECK(ask(socket, "web.front") == "0 10.0.0.2");
        CHECK(ask(socket, "web", kAaaa) == "0");
        CHECK(ask(socket, "web", kMx) == "0");
        CHECK(ask(socket, "2.0.0.10.in-addr.arpa", kPtr) == "0 \x03web\x05"
                                                            "front");
    }
}

TEST_CASE("several questions on one stream are all answered", "[root][dns]") {
    Machine machine;
    const NameServerThread server(
        "127.0.0.53", [](const auto &asked) { return std::optional(addressed(asked.message, "192.0.2.1")); });
    const Fd socket = machine.tcp();
    for (std::uint16_t id = 0; id < 40; id++) {
        send_query(socket, query(id, id % 2 == 0 ? "web" : "example.com"));
    }
    REQUIRE(shutdown(socket.get(), SHUT_WR) == 0);
    std::set<unsigned> ids;
    while (const auto response = receive(socket)) {
        const unsigned id = number_at(*response, 0);
        CHECK(shown(response) == (id % 2 == 0 ? "0 10.0.0.2" : "0 192.0.2.1"));
        ids.insert(id);
    }
    CHECK(ids.size() == 40);
}

TEST_CASE("other names are asked for at the host's servers, each time from elsewhere", "[root][dns]") {
    Machine machine;
    std::set<std::uint16_t> ids, ports;
    const NameServerThread server("127.0.0.53", [&](const auto &asked) {
        ids.insert(number_at(asked.message, 0));
        ports.insert(asked.from.sin_port);
        return std::optional(addressed(asked.message, "192.0.2.1"));
    });
    const Fd socket = machine.udp();
    for (int i = 0; i < 20; i++) {
        CHECK(ask(socket, "example.com") == "0 192.0.2.1");
    }
    CHECK(ids.size() > 15);
    CHECK(ports.size() > 15);
}

TEST_CASE("an answer from elsewhere, or to something else, is not taken", "[root][dns]") {
    Machine machine;
    const NameServerThread server("127.0.0.53", [](const auto &asked) {
        const auto send_false = [&asked](int from, const std::string &message) {
            CHECK(sendto(from, message.data(), message.size(), 0, reinterpret_cast<const sockaddr *>(&asked.from),
                         sizeof asked.from) > 0);
        };
        const Fd elsewhere(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        send_false(elsewhere.get(), addressed(asked.message, "192.0.2.66"));
        std::string other_id = addressed(asked.message, "192.0.2.66");
        other_id[0] = static_cast<char>(other_id[0] + 1);
        send_false(asked.socket, other_id);
        send_false(asked.socket, addressed(query(number_at(asked.message, 0), "example.org"), "192.0.2.66"));
        send_false(asked.socket, asked.message);
        return std::optional(addressed(asked.message, "192.0.2.1"));
    });
    CHECK(ask(machine.udp(), "example.com") == "0 192.0.2.1");
}

TEST_CASE("a server that is not there, fails or is silent is followed by the next", "[root][dns]") {
    Machine machine;
    const NameServerThread second(
        "127.0.0.54", [](const auto &asked) { return std::optional(addressed(asked.message, "192.0.2.2")); });
    CHECK(ask(machine.udp(), "example.com") == "0 192.0.2.2");
    CHECK(ask(machine.tcp(), "example.com") == "0 192.0.2.2");
    {
        const NameServerThread failing("127.0.0.53", [](const auto &asked) {
            return std::optional(write_response(read_query(asked.message).value(), Code::kServerFailure, {}, 512));
        });
        CHECK(ask(machine.udp(), "example.com") == "0 192.0.2.2");
        CHECK(failing.count() == 1);
    }
    const NameServerThread first("127.0.0.53", silent);
    CHECK(ask(machine.udp(), "example.com") == "0 192.0.2.2");
    CHECK(first.count() == 1);
}

TEST_CASE("without any server the answer is a failure", "[root][dns]") {
    Machine machine;
    CHECK(ask(machine.udp(), "example.com") == "2");
    CHECK(ask(machine.tcp(), "example.com") == "2");
}

TEST_CASE("an answer without room in a datagram comes by TCP", "[root][dns]") {
    Machine machine;
    std::vector<bool> by_tcp;
    const NameServerThread server("127.0.0.53", [&](const auto &asked) {
        by_tcp.push_back(asked.tcp);
        return std::optional(addressed(asked.message, "192.0.2.1", 100));
    });
    CHECK(ask(machine.udp(), "example.com") == "0 truncated");
    CHECK(ask(machine.tcp(), "example.com").size() > 900);
    CHECK(by_tcp == std::vector<bool>{false, true});
}

TEST_CASE("who has an internal network only is not told of the world", "[root][dns]") {
    Machine machine;
    const NameServerThread server("127.0.0.53", silent);
    machine.settings.forwards = false;
    machine.resolver.update("me", machine.settings);
    const Fd socket = machine.udp();
    CHECK(ask(socket, "example.com") == "3");
    CHECK(ask(socket, "web") == "0 10.0.0.2");
    CHECK(server.count() == 0);
}

TEST_CASE("a container's own servers take the place of the host's", "[root][dns]") {
    Machine machine;
    const NameServerThread of_host("127.0.0.53", silent);
    const NameServerThread own("127.0.0.77",
                               [](const auto &asked) { return std::optional(addressed(asked.message, "192.0.2.7")); });
    machine.settings.servers = {"127.0.0.77"};
    machine.settings.keeps_single_labels = true;
    machine.resolver.update("me", machine.settings);
    const Fd socket = machine.udp();
    CHECK(ask(socket, "example.com") == "0 192.0.2.7");
    CHECK(ask(socket, "printer") == "3");
    CHECK(of_host.count() == 0);
}

TEST_CASE("a network that is joined or left counts from then on", "[root][dns]") {
    Machine machine;
    machine.resolver.names().add_network("b", "back");
    machine.resolver.names().put("b",
                                 {.container = "2", .names = {"db"}, .addresses = {Address::parse("fd00::2").value()}});
    const Fd socket = machine.udp();
    CHECK(ask(socket, "db", kAaaa) == "2"); // asked for outside, where nobody is
    machine.settings.view.networks = {"f", "b"};
    machine.resolver.update("me", machine.settings);
    CHECK(ask(socket, "db", kAaaa) == "0 fd00::2");
    machine.settings.view.networks = {"b"};
    machine.resolver.update("me", machine.settings);
    CHECK(ask(socket, "web") == "2");
}

TEST_CASE("what is asked while nobody listens is answered once somebody does", "[root][dns]") {
    Machine machine;
    Sockets of_me;
    machine.resolver.detach("me");
    CHECK(ask(machine.udp(), "web") == "silence");
    of_me = must(open_sockets(machine.container));
    const Fd asked = machine.udp();
    send_query(asked, query(1, "web"));
    must(machine.resolver.attach("me", std::move(of_me), machine.settings));
    CHECK(shown(receive(asked)) == "0 10.0.0.2");
}

TEST_CASE("a container that asks without end is refused, others are not", "[root][dns]") {
    Machine machine;
    const NameServerThread server("127.0.0.53", silent);
    const Fd greedy = machine.udp();
    int failures = 0;
    for (std::uint16_t id = 0; id < 300; id++) {
        send_query(greedy, query(id, "example.com"));
        failures += receive(greedy, std::chrono::milliseconds(id < 256 ? 0 : 5000)) ? 1 : 0;
    }
    CHECK(failures >= 40);
    CHECK(ask(machine.udp(), "web") == "0 10.0.0.2");
}

TEST_CASE("the resolver is taken by one only", "[root][dns]") {
    Machine machine;
    CHECK(error_of(open_sockets(machine.container)).code == EADDRINUSE);
}

TEST_CASE("a name server in the container may have port 53 of all addresses, and the resolver answers beside it",
          "[root][dns]") {
    for (const bool first : {true, false}) { // whether the container's was there before
        Machine machine;
        if (first) {
            machine.resolver.detach("me");
        }
        const Fd udp = bound_in(machine.container, SOCK_DGRAM), tcp = bound_in(machine.container, SOCK_STREAM);
        REQUIRE(listen(tcp.get(), 1) == 0);
        if (first) {
            must(machine.resolver.attach("me", must(open_sockets(machine.container)), machine.settings));
        }
        CHECK(ask(machine.udp(), "web") == "0 10.0.0.2");
        CHECK(ask(machine.tcp(), "web") == "0 10.0.0.2");
        // What is asked at its other addresses is the container's own server's.
        const Fd other = client_in(machine.container, SOCK_DGRAM, "127.0.0.1");
        send_query(other, query(1, "web"));
        CHECK(receive(udp) == query(1, "web"));
        CHECK_FALSE(receive(other, std::chrono::milliseconds(100)));
        const Fd stream = client_in(machine.container, SOCK_STREAM, "127.0.0.1");
        CHECK(Fd(accept4(tcp.get(), nullptr, nullptr, SOCK_CLOEXEC)).is_open());
    }
}

TEST_CASE("of sockets that were kept in part the rest is made, and what waits in them is answered", "[root][dns]") {
    Machine machine;
    machine.resolver.detach("me");
    Sockets sockets = must(open_sockets(machine.container));
    const Fd asked = machine.udp(), stream = machine.tcp();
    send_query(asked, query(1, "web"));
    send_query(stream, query(2, "web"));
    sockets.steering.close();
    sockets.replies.close();
    CHECK_FALSE(sockets.complete());
    sockets = must(open_sockets(machine.container, std::move(sockets)));
    CHECK(sockets.complete());
    must(machine.resolver.attach("me", std::move(sockets), machine.settings));
    CHECK(shown(receive(asked)) == "0 10.0.0.2");
    CHECK(shown(receive(stream)) == "0 10.0.0.2");
    CHECK(ask(machine.udp(), "web") == "0 10.0.0.2");
}
