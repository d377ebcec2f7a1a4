// SPDX-License-Identifier: Apache-2.0
// page-server NAME PORT [WORD ...]: answers every request on that TCP port with one page, writes its process id to
// /run/NAME.pid and says NAME on stdout. Stands in for the web servers that suites of others name; further words are
// for those who look at its command line.
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace {

constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 8\r\n"
                           "Connection: close\r\n\r\na page.\n";

int complain(const char *what) {
    std::fprintf(stderr, "page-server: %s: %s\n", what, std::strerror(errno));
    return 1;
}

bool write_pid(const char *name) {
    char file[256];
    std::snprintf(file, sizeof file, "/run/%s.pid", name);
    (void)mkdir("/run", 0755); // there already in most images
    std::FILE *stream = std::fopen(file, "we");
    return stream != nullptr && std::fprintf(stream, "%d\n", getpid()) > 0 && std::fclose(stream) == 0;
}

int listen_on(unsigned long port) {
    const int listener = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0); // IPv4 as well
    const int yes = 1;
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(static_cast<unsigned short>(port));
    if (listener >= 0 && setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes) == 0 &&
        bind(listener, reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0 &&
        listen(listener, 64) == 0) {
        return listener;
    }
    return -1;
}

} // namespace

int main(int count, char **arguments) {
    const unsigned long port = count >= 3 ? std::strtoul(arguments[2], nullptr, 10) : 0;
    if (port == 0 || port > 65535) {
        std::fprintf(stderr, "usage: page-server NAME PORT(1-65535) [WORD ...]\n");
        return 2;
    }
    std::signal(SIGTERM, [](int) { _exit(0); }); // the first process of a container has no default action
    std::signal(SIGPIPE, SIG_IGN);
    const int listener = listen_on(port);
    if (listener < 0) {
        return complain("listen");
    }
    if (!write_pid(arguments[1])) {
        return complain("write the process id");
    }
    std::printf("%s serves port %lu\n", arguments[1], port);
    std::fflush(stdout);
    for (;;) {
        const int client = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
        if (client < 0) {
            continue;
        }
        char request[4096];
        (void)!read(client, request, sizeof request);
        (void)!write(client, kAnswer, sizeof kAnswer - 1);
        close(client);
    }
}
