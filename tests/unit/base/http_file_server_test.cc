// SPDX-License-Identifier: Apache-2.0
#include "base/http/file_server.h"

#include <arpa/inet.h>
#include <array>
#include <catch2/catch_test_macros.hpp>
#include <netinet/in.h>
#include <string>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/file_io.h"

using namespace ballast;
namespace fs = std::filesystem;

namespace {

// A client of its own, so that server and test share no parser.
class Client {
  public:
    explicit Client(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        REQUIRE(connect(socket_.get(), reinterpret_cast<sockaddr *>(&address), sizeof(address)) == 0);
    }
    void send(const std::string &text) const { REQUIRE(write_all(socket_, text).has_value()); }
    // Everything until the server closes.
    std::string read_all() const {
        std::string all;
        std::array<char, 65536> buffer{};
        for (ssize_t count = 0; (count = read(socket_.get(), buffer.data(), buffer.size())) > 0;) {
            all.append(buffer.data(), static_cast<std::size_t>(count));
        }
        return all;
    }

  private:
    Fd socket_;
};

struct Site {
    TemporaryDirectory directory = std::move(*TemporaryDirectory::create("/tmp", "site-test-"));
    fs::path root = directory.path() / "root";
    FileServer server = start();

    FileServer start() const {
        REQUIRE(make_directories(root / "sub").has_value());
        REQUIRE(write_file(root / "file", "0123456789").has_value());
        REQUIRE(write_file(root / "sub/a b", "deep").has_value());
        REQUIRE(write_file(root / "empty", "").has_value());
        REQUIRE(write_file(directory.path() / "secret", "secret").has_value());
        auto started = FileServer::start(root);
        REQUIRE(started.has_value());
        return std::move(*started);
    }
    std::string ask(const std::string &method, const std::string &target, const std::string &header = "") const {
        const Client client(server.port());
        client.send(method + " " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" + header + "\r\n");
        return client.read_all();
    }
};

std::string status_of(const std::string &answer) { return answer.substr(9, 3); }
std::string body_of(const std::string &answer) { return answer.substr(answer.find("\r\n\r\n") + 4); }

} // namespace

TEST_CASE_METHOD(Site, "files are served whole, by GET with a body and by HEAD without", "[http]") {
    const std::string got = ask("GET", "/file");
    CHECK(status_of(got) == "200");
    CHECK(got.contains("Content-Length: 10\r\n"));
    CHECK(body_of(got) == "0123456789");
    CHECK(body_of(ask("GET", "/sub/a%20b?version=1")) == "deep");
    const std::string head = ask("HEAD", "/file");
    CHECK(status_of(head) == "200");
    CHECK(head.contains("Content-Length: 10\r\n"));
    CHECK(body_of(head).empty());
    const std::string empty = ask("GET", "/empty");
    CHECK(status_of(empty) == "200");
    CHECK(body_of(empty).empty());
}

TEST_CASE_METHOD(Site, "a range is served as 206 with its place", "[http]") {
    const std::string part = ask("GET", "/file", "Range: bytes=2-4\r\n");
    CHECK(status_of(part) == "206");
    CHECK(part.contains("Content-Range: bytes 2-4/10\r\n"));
    CHECK(part.contains("Content-Length: 3\r\n"));
    CHECK(body_of(part) == "234");
    CHECK(body_of(ask("GET", "/file", "Range: bytes=-3\r\n")) == "789");
    const std::string behind = ask("GET", "/file", "Range: bytes=10-\r\n");
    CHECK(status_of(behind) == "416");
    CHECK(behind.contains("Content-Range: bytes */10\r\n"));
}

TEST_CASE_METHOD(Site, "a path that climbs out is forbidden, however it is spelt", "[http]") {
    CHECK(status_of(ask("GET", "/../secret")) == "403");
    CHECK(status_of(ask("GET", "/%2e%2e/secret")) == "403");
    CHECK(status_of(ask("GET", "/sub/../../secret")) == "403");
    CHECK(status_of(ask("GET", "/sub/../file")) == "200");
}

TEST_CASE_METHOD(Site, "a link cannot lead out of the directory", "[http]") {
    fs::create_symlink(directory.path() / "secret", root / "absolute");
    fs::create_symlink("../secret", root / "relative");
    fs::create_symlink("file", root / "inside");
    CHECK(status_of(ask("GET", "/absolute")) == "404");
    CHECK(status_of(ask("GET", "/relative")) == "404");
    CHECK(body_of(ask("GET", "/inside")) == "0123456789");
}

TEST_CASE_METHOD(Site, "what is no regular file is not found", "[http]") {
    REQUIRE(mkfifo((root / "fifo").c_str(), 0644) == 0);
    CHECK(status_of(ask("GET", "/none")) == "404");
    CHECK(status_of(ask("GET", "/")) == "404");
    CHECK(status_of(ask("GET", "/sub")) == "404");
    CHECK(status_of(ask("GET", "/file/more")) == "404");
    CHECK(status_of(ask("GET", "/fifo")) == "404"); // and does not hang
}

TEST_CASE_METHOD(Site, "other methods are refused with the ones that work", "[http]") {
    const std::string answer = ask("DELETE", "/file");
    CHECK(status_of(answer) == "405");
    CHECK(answer.contains("Allow: GET, HEAD\r\n"));
    CHECK(fs::exists(root / "file"));
}

TEST_CASE_METHOD(Site, "a connection carries several requests", "[http]") {
    const Client client(server.port());
    client.send("GET /file HTTP/1.1\r\nHost: x\r\n\r\nHEAD /file HTTP/1.1\r\nHost: x\r\n\r\n"
                "GET /none HTTP/1.1\r\nHost: x\r\n\r\nGET /sub/a%20b HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const std::string all = client.read_all();
    CHECK(all.contains("0123456789HTTP/1.1 200"));
    CHECK(all.contains("HTTP/1.1 404"));
    CHECK(all.ends_with("deep"));
}

TEST_CASE_METHOD(Site, "a client that says nothing does not keep others waiting", "[http]") {
    const Client silent(server.port());
    silent.send("GET /fi");
    CHECK(body_of(ask("GET", "/file")) == "0123456789");
    CHECK(status_of(ask("nonsense", "?")) != "200");
    CHECK(body_of(ask("GET", "/file")) == "0123456789");
}

TEST_CASE_METHOD(Site, "a file of many pieces arrives whole", "[http]") {
    std::string big(3'000'001, '\0');
    for (std::size_t i = 0; i < big.size(); ++i) {
        big[i] = static_cast<char>(i * 7 + i / 4096);
    }
    REQUIRE(write_file(root / "big", big).has_value());
    CHECK((body_of(ask("GET", "/big")) == big));
    CHECK((body_of(ask("GET", "/big", "Range: bytes=1000000-2999999\r\n")) == big.substr(1'000'000, 2'000'000)));
}

TEST_CASE_METHOD(Site, "a server moves, stops and frees its port", "[http]") {
    FileServer moved = std::move(server);
    const std::uint16_t port = moved.port();
    const auto taken = FileServer::start(root, port);
    REQUIRE_FALSE(taken.has_value());
    CHECK(taken.error().code == EADDRINUSE);
    {
        const FileServer gone = std::move(moved);
    }
    CHECK(FileServer::start(root, port).has_value());
    CHECK_FALSE(FileServer::start(root / "none").has_value());
}
