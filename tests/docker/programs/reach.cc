// SPDX-License-Identifier: Apache-2.0
// A server that tells its clients where it sees them, and such a client:
//
//     reach serve PROTOCOL ADDRESS PORT... one server for each three words
//     reach ask PROTOCOL ADDRESS PORT...   prints the address, or "nothing", a line for each three words, which are
//                                          asked at once; status 1 and the reason when one has no answer in time
//     reach hold tcp ADDRESS PORT FILE     a connection over which it asks once a line that it reads from FILE, a fifo
//     reach has PROTOCOL                   status 1: this kernel lacks it
//
// PROTOCOL is tcp, udp or sctp.
#include <arpa/inet.h>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string>
#include <string_view>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr int kPatience = 3000; // ms

[[noreturn]] void die(const std::string &what) {
    std::fprintf(stderr, "reach: %s: %s\n", what.c_str(), std::strerror(errno));
    std::exit(1);
}

struct Address {
    sockaddr_storage bytes{};
    socklen_t size = sizeof bytes;
    sockaddr *get() { return reinterpret_cast<sockaddr *>(&bytes); }
};

Address parse(const char *text, const char *port) {
    Address address;
    auto *v4 = reinterpret_cast<sockaddr_in *>(&address.bytes);
    auto *v6 = reinterpret_cast<sockaddr_in6 *>(&address.bytes);
    const in_port_t number = htons(static_cast<in_port_t>(std::strtoul(port, nullptr, 10)));
    if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = number;
        address.size = sizeof *v4;
    } else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = number;
        address.size = sizeof *v6;
    } else {
        errno = EINVAL;
        die(text);
    }
    return address;
}

std::string text_of(Address &address) {
    std::array<char, INET6_ADDRSTRLEN> text{};
    const auto *v6 = reinterpret_cast<sockaddr_in6 *>(&address.bytes);
    if (address.bytes.ss_family == AF_INET) {
        inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in *>(&address.bytes)->sin_addr, text.data(), text.size());
    } else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr)) {
        inet_ntop(AF_INET, &v6->sin6_addr.s6_addr[12], text.data(), text.size());
    } else {
        inet_ntop(AF_INET6, &v6->sin6_addr, text.data(), text.size());
    }
    return text.data();
}

int open_socket(std::string_view protocol, int family) {
    return protocol == "udp" ? socket(family, SOCK_DGRAM, 0)
                             : socket(family, SOCK_STREAM, protocol == "sctp" ? IPPROTO_SCTP : IPPROTO_TCP);
}

// A connection is answered with a line for each that comes over it, and for its beginning.
[[noreturn]] void serve(int listener) {
    signal(SIGCHLD, SIG_IGN);
    for (;;) {
        Address client;
        const int connection = accept(listener, client.get(), &client.size);
        if (connection < 0 || fork() != 0) {
            close(connection);
            continue;
        }
        const std::string line = text_of(client) + "\n";
        std::array<char, 256> asked{};
        do {
            (void)!write(connection, line.data(), line.size());
        } while (read(connection, asked.data(), asked.size()) > 0);
        std::exit(0);
    }
}

[[noreturn]] void serve_datagrams(int socket) {
    for (;;) {
        Address client;
        std::array<char, 256> asked{};
        if (recvfrom(socket, asked.data(), asked.size(), 0, client.get(), &client.size) >= 0) {
            const std::string line = text_of(client) + "\n";
            (void)sendto(socket, line.data(), line.size(), 0, client.get(), client.size);
        }
    }
}

std::string answer(int socket, const std::string &from) {
    pollfd waiting{.fd = socket, .events = POLLIN, .revents = 0};
    std::array<char, 256> line{};
    errno = ETIMEDOUT;
    const ssize_t got = poll(&waiting, 1, kPatience) == 1 ? read(socket, line.data(), line.size()) : -1;
    if (got <= 0) {
        die(from);
    }
    return {line.data(), static_cast<std::size_t>(got)};
}

int ask(std::string_view protocol, const char *text, const char *port, const char *lines) {
    Address server = parse(text, port);
    const int client = open_socket(protocol, server.bytes.ss_family);
    const timeval patience{.tv_sec = kPatience / 1000, .tv_usec = 0};
    setsockopt(client, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience); // of connect(2), too
    if (client < 0 || connect(client, server.get(), server.size) != 0) {
        die(text);
    }
    if (protocol == "udp" && write(client, "?", 1) != 1) {
        die(text);
    }
    std::fputs(answer(client, text).c_str(), stdout);
    if (lines == nullptr) {
        return 0;
    }
    std::fflush(stdout);
    const int fifo = open(lines, O_RDWR | O_CLOEXEC); // it does not end when a writer does
    std::array<char, 256> line{};
    while (read(fifo, line.data(), line.size()) > 0) {
        if (write(client, "?", 1) != 1) {
            die(text);
        }
        std::fputs(answer(client, text).c_str(), stdout);
        std::fflush(stdout);
    }
    return 0;
}

// One question in a process of its own; where its answer comes.
int start_asking(char **words) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) {
        die("pipe");
    }
    if (fork() == 0) {
        dup2(ends[1], STDOUT_FILENO);
        close(ends[0]);
        const int status = ask(words[0], words[1], words[2], nullptr);
        std::fflush(stdout);
        _exit(status);
    }
    close(ends[1]);
    return ends[0];
}

int ask_all(int count, char **words) {
    std::vector<int> answers;
    for (int i = 0; i + 2 < count; i += 3) {
        answers.push_back(start_asking(words + i));
    }
    int status = 0;
    for (const int answer : answers) {
        std::array<char, 256> line{};
        const bool answered = read(answer, line.data(), line.size() - 1) > 0;
        std::fputs(answered ? line.data() : "nothing\n", stdout);
        status = answered ? status : 1;
    }
    return status;
}

void serve_one(std::string_view protocol, const char *address, const char *port) {
    Address own = parse(address, port);
    const int server = open_socket(protocol, own.bytes.ss_family);
    const int on = 1;
    setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (server < 0 || bind(server, own.get(), own.size) != 0 || (protocol != "udp" && listen(server, 64) != 0)) {
        die(address);
    }
    protocol == "udp" ? serve_datagrams(server) : serve(server);
}

} // namespace

int main(int count, char **words) {
    const std::string_view verb = count > 2 ? words[1] : "", protocol = count > 2 ? words[2] : "";
    signal(SIGPIPE, SIG_IGN);
    if (verb == "has") {
        return open_socket(protocol, AF_INET) >= 0 ? 0 : 1;
    }
    if (count < 5) {
        std::fputs("usage: reach serve|ask|hold PROTOCOL ADDRESS PORT [FIFO | PROTOCOL ADDRESS PORT...]\n", stderr);
        return 2;
    }
    if (verb == "hold") {
        return ask(protocol, words[3], words[4], count > 5 ? words[5] : nullptr);
    }
    if (verb == "ask") {
        return ask_all(count - 2, words + 2);
    }
    for (int i = 5; i + 2 < count; i += 3) { // all but the first
        if (fork() == 0) {
            prctl(PR_SET_PDEATHSIG, SIGKILL); // who ends the first ends all
            serve_one(words[i], words[i + 1], words[i + 2]);
        }
    }
    serve_one(protocol, words[3], words[4]);
}
