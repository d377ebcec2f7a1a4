// SPDX-License-Identifier: Apache-2.0
// Terminals: handed to who listens on the console socket, with the size that was asked for.
#include <array>
#include <cstring>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/integration/runtime/oci_fixture.h"

using namespace ballast;
using namespace ballast::oci_tests;

namespace {

// An engine's end of a console socket.
class ConsoleSocket {
  public:
    explicit ConsoleSocket(const std::filesystem::path &path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        REQUIRE(path.string().size() < sizeof address.sun_path);
        memcpy(address.sun_path, path.c_str(), path.string().size());
        REQUIRE(bind(socket_.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
        REQUIRE(listen(socket_.get(), 4) == 0);
    }

    // The master side that came over the next connection.
    Fd receive() const {
        pollfd ready{socket_.get(), POLLIN, 0};
        REQUIRE(poll(&ready, 1, 20'000) == 1);
        const Fd peer(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
        std::array<char, 256> name{};
        iovec vector{name.data(), name.size()};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
        msghdr message{};
        message.msg_iov = &vector;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        REQUIRE(recvmsg(peer.get(), &message, MSG_CMSG_CLOEXEC) > 0);
        const cmsghdr *header = CMSG_FIRSTHDR(&message);
        REQUIRE(header != nullptr);
        int fd = -1;
        memcpy(&fd, CMSG_DATA(header), sizeof fd);
        return Fd(fd);
    }

  private:
    Fd socket_{::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)};
};

// What a terminal's other side writes, up to its end.
std::string all_of(const Fd &master) {
    std::string text;
    for (;;) {
        pollfd ready{master.get(), POLLIN, 0};
        std::array<char, 4096> buffer{};
        const ssize_t count = poll(&ready, 1, 20'000) == 1 ? read(master.get(), buffer.data(), buffer.size()) : -1;
        if (count <= 0) { // EIO: nobody has the slave open any more
            return text;
        }
        text.append(buffer.data(), static_cast<std::size_t>(count));
    }
}

} // namespace

TEST_CASE_METHOD(OciFixture, "a terminal goes to the console socket and has the size that was asked for", "[root]") {
    const auto path = directory() / "console";
    const ConsoleSocket console(path);
    configure({"tty"}, [](Json &config) {
        config["process"]["terminal"] = true;
        config["process"]["consoleSize"] = {{"height", 25}, {"width", 90}};
    });
    const Completed created = create("web", {"--console-socket", path.string()});
    INFO(created.errors);
    REQUIRE(created.status == 0);
    const Fd master = console.receive();
    CHECK(isatty(master.get()) == 1);
    REQUIRE(oci({"start", "web"}).status == 0);
    CHECK(all_of(master) == "1 0 25x90\r\n");
    CHECK(oci({"delete", "--force", "web"}).status == 0);
    check_nothing_left();
}

TEST_CASE_METHOD(OciFixture, "a further process has a terminal of its own", "[root]") {
    const auto path = directory() / "console";
    const ConsoleSocket console(path);
    configure({"wait"});
    REQUIRE(create().status == 0);
    REQUIRE(oci({"start", "web"}).status == 0);
    const Completed started =
        oci({"exec", "--detach", "--tty", "--console-socket", path.string(), "web", "inside", "tty"});
    INFO(started.errors);
    REQUIRE(started.status == 0);
    CHECK(all_of(console.receive()).starts_with("1 0 "));
}

TEST_CASE_METHOD(OciFixture, "without a socket the caller's terminal is passed through", "[root]") {
    configure({"tty"}, [](Json &config) { config["process"]["terminal"] = true; });
    // script(1) gives the runtime a terminal and copies what it shows.
    const Command one = command({"run", "--bundle", bundle().string(), "web"});
    const Completed shown =
        must(ballast::run({.arguments = {"script", "-qec", "stty rows 31 cols 77; " + one.describe(), "/dev/null"},
                           .timeout = std::chrono::seconds(60)}));
    CHECK(shown.status == 0);
    INFO(shown.output << shown.errors);
    CHECK(shown.output.contains("1 0 31x77"));
    check_nothing_left();
}
