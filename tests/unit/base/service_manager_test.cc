// SPDX-License-Identifier: Apache-2.0
#include "base/service_manager.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast::service {
namespace {

constexpr int kFirst = 3; // SD_LISTEN_FDS_START

Fd listening() {
    Fd socket(::socket(AF_INET, SOCK_STREAM, 0));
    sockaddr_in any{.sin_family = AF_INET, .sin_port = 0, .sin_addr = {htonl(INADDR_LOOPBACK)}, .sin_zero = {}};
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr *>(&any), sizeof any) == 0);
    REQUIRE(listen(socket.get(), 1) == 0);
    return socket;
}

// What a service that systemd gives these sees: "LISTENERS KEPT", and the names of what was kept.
std::string given(const std::vector<std::pair<std::string, BorrowedFd>> &descriptors) {
    std::array<int, 2> ends{};
    REQUIRE(pipe2(ends.data(), O_CLOEXEC) == 0);
    const Fd answer(ends[0]);
    Fd say(ends[1]);
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        const int far = fcntl(say.get(), F_DUPFD, 200);
        std::vector<int> copies;
        std::string names;
        for (const auto &[name, fd] : descriptors) {
            copies.push_back(fcntl(fd.get(), F_DUPFD, 100));
            names += (names.empty() ? "" : ":") + name;
        }
        for (std::size_t i = 0; i < copies.size(); i++) {
            (void)dup2(copies[i], kFirst + static_cast<int>(i));
        }
        (void)setenv("LISTEN_PID", std::to_string(getpid()).c_str(), 1);
        (void)setenv("LISTEN_FDS", std::to_string(copies.size()).c_str(), 1);
        (void)setenv("LISTEN_FDNAMES", names.c_str(), 1);
        const Inherited inherited = take_inherited().value_or(Inherited());
        std::string text = std::to_string(inherited.listeners.size()) + " listeners";
        for (const auto &[name, fd] : inherited.kept) {
            text += " " + name;
        }
        (void)!write(far, text.data(), text.size());
        _exit(0);
    }
    say.close();
    const std::string text = must(read_all(answer, "child"));
    REQUIRE(waitpid(child, nullptr, 0) == child);
    return text;
}

} // namespace

TEST_CASE("sockets of the socket unit are listened on, whatever was kept is not", "[service_manager]") {
    const Fd unit = listening(), resolver = listening(), pipe = must(open_file("/dev/null", O_RDONLY));
    const std::string id(64, 'a');
    CHECK(given({{"ballastd.socket", unit}, {id + "-names-tcp", resolver}, {id + "-1", pipe}}) ==
          "1 listeners " + id + "-1 " + id + "-names-tcp");
    CHECK(given({{"ballastd.socket", unit}, {"docker-tcp.socket", resolver}}) == "2 listeners");
    CHECK(given({{id + "-names-tcp", resolver}}) == "0 listeners " + id + "-names-tcp");
    CHECK(given({{"ballastd.socket", pipe}}) == "0 listeners ballastd.socket");
}

} // namespace ballast::service
