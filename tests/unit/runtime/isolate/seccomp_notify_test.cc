// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp_notify.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <thread>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

namespace fs = std::filesystem;

Fd listening(const fs::path &path) {
    Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name = path;
    REQUIRE(name.size() < sizeof address.sun_path);
    std::memcpy(address.sun_path, name.c_str(), name.size());
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    REQUIRE(listen(socket.get(), 1) == 0);
    return socket;
}

struct Received {
    std::string text;
    Fd descriptor;
};

Received receive(const Fd &listener) {
    const Fd connection(accept(listener.get(), nullptr, nullptr));
    Received received;
    std::array<char, 4096> block{};
    for (;;) {
        iovec part{.iov_base = block.data(), .iov_len = block.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t got = recvmsg(connection.get(), &message, MSG_CMSG_CLOEXEC);
        if (got <= 0) {
            return received;
        }
        received.text.append(block.data(), static_cast<std::size_t>(got));
        if (const cmsghdr *header = CMSG_FIRSTHDR(&message); header != nullptr) {
            int number = -1;
            std::memcpy(&number, CMSG_DATA(header), sizeof number);
            received.descriptor = Fd(number);
        }
    }
}

TEST_CASE("the agent gets the descriptor and the whole state, then the end", "[seccomp-notify]") {
    const TemporaryDirectory directory = scratch();
    const fs::path path = directory.path() / "agent.sock";
    const Fd agent = listening(path);
    const Fd gift = must(open_file("/dev/null", O_RDONLY));
    const std::string state = "{\"fds\":[\"seccompFd\"],\"metadata\":\"" + std::string(1 << 20, 'm') + "\"}";
    Received received;
    std::thread reader([&] { received = receive(agent); });
    const Status sent = send_seccomp_listener(gift, path, state);
    reader.join();
    must(sent);
    CHECK(received.text == state);
    REQUIRE(received.descriptor.is_open());
    struct stat there{};
    struct stat here{};
    REQUIRE(fstat(received.descriptor.get(), &there) == 0);
    REQUIRE(fstat(gift.get(), &here) == 0);
    CHECK(there.st_rdev == here.st_rdev);
}

TEST_CASE("an agent that is not there is an error with its path", "[seccomp-notify]") {
    const TemporaryDirectory directory = scratch();
    const Fd gift = must(open_file("/dev/null", O_RDONLY));
    const fs::path path = directory.path() / "agent.sock";
    const Error none = error_of(send_seccomp_listener(gift, path, "{}"));
    CHECK(none.code == ENOENT);
    CHECK(none.message == "seccomp agent at \"" + path.string() + "\": connect: No such file or directory");
    {
        const Fd gone = listening(path);
    }
    CHECK(error_of(send_seccomp_listener(gift, path, "{}")).code == ECONNREFUSED);
    CHECK(error_of(send_seccomp_listener(gift, path, "")).code == EINVAL);
}

TEST_CASE("a socket with a path too long for an address is reached", "[seccomp-notify]") {
    const TemporaryDirectory directory = scratch();
    const fs::path deep = directory.path() / std::string(120, 'd');
    fs::create_directory(deep);
    const Fd agent = listening(directory.path() / "s");
    fs::rename(directory.path() / "s", deep / "s");
    const Fd gift = must(open_file("/dev/null", O_RDONLY));
    Received received;
    std::thread reader([&] { received = receive(agent); });
    const Status sent = send_seccomp_listener(gift, deep / "s", "{}");
    reader.join();
    must(sent);
    CHECK(received.text == "{}");
}

} // namespace
} // namespace ballast::isolate
