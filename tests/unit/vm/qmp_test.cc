// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/qmp.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <sys/socket.h>
#include <thread>
#include <unistd.h>

#include "base/file_io.h"

using namespace ballast;
using namespace ballast::vm;
using std::chrono::milliseconds;

namespace {

constexpr const char *kGreeting = R"({"QMP": {"version": {}, "capabilities": []}})"
                                  "\r\n";

// Plays QEMU: sends the greeting, then answers each request with the next of `replies`.
class FakeQemu {
  public:
    explicit FakeQemu(std::vector<std::string> replies) {
        std::array<int, 2> pair{};
        REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
        ours = Fd(pair[0]);
        thread_ = std::thread([theirs = Fd(pair[1]), replies = std::move(replies), this] {
            (void)write_all(theirs, kGreeting);
            LineBuffer lines;
            for (const std::string &reply : replies) {
                std::optional<std::string> request;
                while (!(request = lines.next())) {
                    std::array<char, 512> buffer{};
                    const ssize_t count = read(theirs.get(), buffer.data(), buffer.size());
                    if (count <= 0) {
                        return;
                    }
                    lines.append({buffer.data(), static_cast<std::size_t>(count)});
                }
                requests.push_back(*request);
                // In two pieces: a message need not arrive whole.
                (void)write_all(theirs, reply.substr(0, reply.size() / 2));
                std::this_thread::sleep_for(milliseconds(5));
                (void)write_all(theirs, reply.substr(reply.size() / 2));
            }
        });
    }
    FakeQemu(const FakeQemu &) = delete;
    FakeQemu &operator=(const FakeQemu &) = delete;
    ~FakeQemu() { finish(); }
    void finish() {
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    Fd ours;
    std::vector<std::string> requests;

  private:
    std::thread thread_;
};

} // namespace

TEST_CASE("lines are cut whatever the pieces they arrive in", "[vm]") {
    LineBuffer lines;
    lines.append("one\r\ntw");
    CHECK(lines.next() == "one");
    CHECK(lines.next() == std::nullopt);
    lines.append("o\n\nlast");
    CHECK(lines.next() == "two");
    CHECK(lines.next() == "");
    CHECK(lines.next() == std::nullopt);
}

TEST_CASE("a command gets its own answer and keeps the events before it", "[vm]") {
    FakeQemu qemu({"{\"return\": {}}\r\n",
                   "{\"event\": \"STOP\"}\r\n{\"event\": \"DEVICE_DELETED\", \"data\": {\"device\": \"d\"}}\r\n"
                   "{\"return\": {\"running\": true}}\r\n"});
    Result<Qmp> qmp = Qmp::negotiate(std::move(qemu.ours), milliseconds(2000));
    REQUIRE(qmp.has_value());
    const auto answer = qmp->execute("query-status", {{"key", 1}});
    REQUIRE(answer.has_value());
    CHECK((*answer)["running"] == true);
    const auto event = qmp->wait_event("DEVICE_DELETED", milliseconds(0));
    REQUIRE(event.has_value());
    CHECK((*event)["device"] == "d");
    CHECK(qmp->wait_event("STOP", milliseconds(0)).has_value());
    qemu.finish();
    REQUIRE(qemu.requests.size() == 2);
    CHECK(nlohmann::json::parse(qemu.requests[0]) == nlohmann::json{{"execute", "qmp_capabilities"}});
    CHECK(nlohmann::json::parse(qemu.requests[1])["arguments"]["key"] == 1);
}

TEST_CASE("QEMU's refusal is told in its own words", "[vm]") {
    FakeQemu qemu({"{\"return\": {}}\n", "{\"error\": {\"class\": \"GenericError\", \"desc\": \"no such device\"}}\n"});
    Result<Qmp> qmp = Qmp::negotiate(std::move(qemu.ours), milliseconds(2000));
    REQUIRE(qmp.has_value());
    const auto answer = qmp->execute("device_del");
    REQUIRE_FALSE(answer.has_value());
    CHECK(answer.error().code == EPROTO);
    CHECK(answer.error().message.contains("device_del: no such device"));
}

TEST_CASE("a QEMU that dies or is silent ends the wait with an error", "[vm]") {
    FakeQemu qemu({"{\"return\": {}}\n"});
    Result<Qmp> qmp = Qmp::negotiate(std::move(qemu.ours), milliseconds(2000));
    REQUIRE(qmp.has_value());
    qemu.finish(); // closes its end
    const auto answer = qmp->execute("query-status", {}, milliseconds(2000));
    REQUIRE_FALSE(answer.has_value());
    CHECK((answer.error().code == ECONNRESET || answer.error().code == EPIPE));

    std::array<int, 2> pair{};
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair.data()) == 0);
    const Fd silent(pair[1]);
    const Result<Qmp> never = Qmp::negotiate(Fd(pair[0]), milliseconds(20));
    REQUIRE_FALSE(never.has_value());
    CHECK(never.error().code == ETIMEDOUT);
}

TEST_CASE("a socket path that is too long is named", "[vm]") {
    const auto connected = connect_unix("/" + std::string(200, 'x'));
    REQUIRE_FALSE(connected.has_value());
    CHECK(connected.error().code == ENAMETOOLONG);
    CHECK(connected.error().message.contains("shorter"));
}
