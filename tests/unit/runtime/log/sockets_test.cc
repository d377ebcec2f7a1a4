// SPDX-License-Identifier: Apache-2.0
// journald's and syslog's drivers, against sockets of ours.
#include <array>
#include <cstring>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "base/fd_passing.h"
#include "tests/unit/runtime/log/log_fixture.h"

using namespace ballast;
using namespace ballast::container_log;

namespace {

Fd local_socket(const std::filesystem::path &path, int type) {
    Fd socket(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    memcpy(address.sun_path, path.c_str(), path.string().size());
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    if (type == SOCK_STREAM) {
        REQUIRE(listen(socket.get(), 4) == 0);
    }
    return socket;
}

// On a free port of this machine.
Fd network_socket(int type, std::uint16_t &port) {
    Fd socket(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(port);
    const int reuse = 1;
    REQUIRE(setsockopt(socket.get(), SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse) == 0);
    REQUIRE(bind(socket.get(), reinterpret_cast<const sockaddr *>(&address), sizeof address) == 0);
    socklen_t size = sizeof address;
    REQUIRE(getsockname(socket.get(), reinterpret_cast<sockaddr *>(&address), &size) == 0);
    if (type == SOCK_STREAM) {
        REQUIRE(listen(socket.get(), 4) == 0);
    }
    port = ntohs(address.sin_port);
    return socket;
}

std::string receive(const Fd &socket) {
    pollfd one{socket.get(), POLLIN, 0};
    REQUIRE(poll(&one, 1, 20'000) == 1);
    std::string bytes(1 << 20, '\0');
    int passed = -1;
    const ssize_t got = receive_with_fd(socket, bytes.data(), bytes.size(), &passed);
    REQUIRE(got >= 0);
    if (passed >= 0) { // a message in a file
        const Fd file(passed);
        REQUIRE(lseek(file.get(), 0, SEEK_SET) == 0);
        return "file:" + must(read_all(file, "message"));
    }
    bytes.resize(static_cast<std::size_t>(got));
    return bytes;
}

WriterSettings web() {
    WriterSettings settings;
    settings.container_id = std::string(64, 'c');
    settings.container_name = "web";
    settings.image_name = "nginx:1";
    settings.tag = "cccccccccccc";
    return settings;
}

} // namespace

TEST_CASE("the journal gets docker's fields in its own protocol", "[log]") {
    const TemporaryDirectory directory = scratch();
    const std::string path = directory.path() / "journal";
    const Fd journal = local_socket(path, SOCK_DGRAM);
    WriterSettings settings = web();
    settings.attributes = {{"com.example-tier", "front"}, {"_HIDDEN", "x"}, {"__", "dropped"}};
    const auto writer = must(open_journal_writer(settings, path));
    write_line(*writer, "hello", 1'000'000'000);
    const std::string entry = receive(journal);
    for (const std::string &field :
         {std::string("CONTAINER_ID=cccccccccccc"), "CONTAINER_ID_FULL=" + std::string(64, 'c'),
          std::string("CONTAINER_NAME=web"), std::string("CONTAINER_TAG=cccccccccccc"),
          std::string("IMAGE_NAME=nginx:1"), std::string("SYSLOG_IDENTIFIER=cccccccccccc"),
          std::string("COM_EXAMPLE_TIER=front"), std::string("HIDDEN=x"), std::string("PRIORITY=6"),
          std::string("MESSAGE=hello"), std::string("SYSLOG_TIMESTAMP=1970-01-01T00:00:01Z")}) {
        CAPTURE(field);
        CHECK(("\n" + entry).contains("\n" + field + "\n"));
    }
    CHECK_FALSE(entry.contains("CONTAINER_PARTIAL"));
    CHECK_FALSE(entry.contains("dropped"));
    write_line(*writer, "part", 0, Stream::kStderr, false, 1);
    const std::string part = receive(journal);
    CHECK(part.contains("\nPRIORITY=3\n"));
    CHECK(part.contains("\nCONTAINER_PARTIAL_MESSAGE=true\n"));
    CHECK(part.contains("\nCONTAINER_PARTIAL_ORDINAL=1\n"));
    write_line(*writer, std::string("a\0\nb", 4));
    CHECK(receive(journal).contains(std::string("MESSAGE\n\4\0\0\0\0\0\0\0a\0\nb\n", 21)));
}

TEST_CASE("what no datagram holds goes to the journal as a sealed file", "[log]") {
    const TemporaryDirectory directory = scratch();
    const std::string path = directory.path() / "journal";
    const Fd journal = local_socket(path, SOCK_DGRAM);
    WriterSettings settings = web();
    settings.attributes = {{"BIG", std::string(400'000, 'x')}};
    const auto writer = must(open_journal_writer(settings, path));
    write_line(*writer, "hello");
    const std::string entry = receive(journal);
    CHECK(entry.starts_with("file:"));
    CHECK(entry.contains("\nMESSAGE=hello\n"));
    CHECK(writer->lost_bytes() == 0);
}

TEST_CASE("a journal that takes nothing holds nobody up for ever, and one that is started again is found", "[log]") {
    const TemporaryDirectory directory = scratch();
    const std::string path = directory.path() / "journal";
    std::optional<Fd> journal = local_socket(path, SOCK_DGRAM);
    const auto writer = must(open_journal_writer(web(), path));
    for (int i = 0; i < 2000; ++i) {
        write_line(*writer, "0123456789");
    }
    CHECK(writer->lost_bytes() > 0);
    CHECK(writer->take_trouble().contains("the container goes on"));
    journal.reset();
    std::filesystem::remove(path);
    write_line(*writer, "nobody is there");
    journal = local_socket(path, SOCK_DGRAM);
    write_line(*writer, "back again");
    CHECK(receive(*journal).contains("MESSAGE=back again"));
    CHECK(writer->take_trouble().contains("are lost"));
}

TEST_CASE("syslog by datagrams", "[log]") {
    const TemporaryDirectory directory = scratch();
    const Fd server = local_socket(directory.path() / "log", SOCK_DGRAM);
    WriterSettings settings = web();
    settings.driver = "syslog";
    settings.options = {{"syslog-address", "unixgram://" + (directory.path() / "log").string()},
                        {"syslog-facility", "local1"}};
    const auto writer = must(Writer::open(settings));
    write_line(*writer, "hello");
    const std::string message = receive(server);
    CHECK(message.starts_with("<142>"));
    CHECK(message.ends_with(" cccccccccccc[" + std::to_string(getpid()) + "]: hello\n"));

    std::uint16_t port = 0;
    const Fd udp = network_socket(SOCK_DGRAM, port);
    settings.options = {{"syslog-address", "udp://127.0.0.1:" + std::to_string(port)}, {"syslog-format", "rfc5424"}};
    const auto second = must(Writer::open(settings));
    write_line(*second, "hello");
    CHECK(receive(udp).ends_with(" cccccccccccc - hello\n"));
}

TEST_CASE("syslog by a stream that breaks and is made again", "[log]") {
    std::uint16_t port = 0;
    std::optional<Fd> server = network_socket(SOCK_STREAM, port);
    WriterSettings settings = web();
    settings.driver = "syslog";
    settings.options = {{"syslog-address", "tcp://127.0.0.1:" + std::to_string(port)}};
    const auto writer = must(Writer::open(settings));
    std::optional<Fd> peer(accept4(server->get(), nullptr, nullptr, SOCK_CLOEXEC));
    write_line(*writer, "one");
    CHECK(receive(*peer).ends_with(": one\n"));
    peer.reset();
    server.reset();
    for (int i = 0; i < 20 && writer->idle(); ++i) { // the first one may still go into the broken connection
        write_line(*writer, "while nobody listens");
        usleep(10'000);
    }
    CHECK_FALSE(writer->idle());
    server = network_socket(SOCK_STREAM, port);
    pollfd one{server->get(), POLLIN, 0};
    for (int i = 0; i < 2000 && poll(&one, 1, 10) == 0; ++i) {
        writer->progress();
    }
    peer.emplace(accept4(server->get(), nullptr, nullptr, SOCK_CLOEXEC));
    REQUIRE(peer->is_open());
    for (int i = 0; i < 2000 && !writer->idle(); ++i) {
        writer->progress();
        usleep(1000);
    }
    CHECK(writer->idle());
    CHECK(receive(*peer).contains("while nobody listens"));
}

TEST_CASE("a syslog server that is not there refuses the start", "[log]") {
    WriterSettings settings = web();
    settings.driver = "syslog";
    settings.options = {{"syslog-address", "unix:///no/such/socket"}};
    const Result<std::unique_ptr<Writer>> writer = Writer::open(settings);
    REQUIRE_FALSE(writer.has_value());
    CHECK(writer.error().message.starts_with("dial unix:///no/such/socket: "));
}
