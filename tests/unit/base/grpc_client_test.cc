// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/client.h"

#include <functional>
#include <thread>

#include "tests/unit/base/grpc_fixture.h"

using namespace ballast;
using namespace ballast::grpc;
using namespace std::chrono_literals;

namespace {

// A server that answers one call by a script.
class Scripted : private Session::Events {
  public:
    using Script = std::function<void(Session &, Session::Stream)>;

    Scripted(const std::filesystem::path &path, Script script)
        : listener_(must(http::listen_unix(path, 0600))), script_(std::move(script)), thread_([this] { run(); }) {}

  private:
    void run() {
        const Fd socket(::accept(listener_.get(), nullptr, nullptr));
        session_ = *Session::make(Session::Side::kServer, *this);
        std::array<char, 4096> piece{};
        while (true) {
            for (std::string bytes = *session_->output(1 << 20); !bytes.empty(); bytes = *session_->output(1 << 20)) {
                (void)::send(socket.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL);
            }
            const ssize_t count = hang_up_ ? 0 : recv(socket.get(), piece.data(), piece.size(), 0);
            if (count <= 0 || !session_->feed({piece.data(), static_cast<std::size_t>(count)}).has_value()) {
                return;
            }
        }
    }
    void on_fields(Session::Stream, const Fields &) override {}
    void on_data(Session::Stream, std::string_view) override {}
    void on_end(Session::Stream stream) override {
        if (script_ == nullptr) {
            hang_up_ = true;
            return;
        }
        script_(*session_, stream);
    }
    void on_closed(Session::Stream, std::uint32_t) override {}

    Fd listener_;
    Script script_;
    bool hang_up_ = false;
    std::unique_ptr<Session> session_;
    std::jthread thread_;
};

Outcome outcome_with(Scripted::Script script) {
    const TemporaryDirectory directory = scratch();
    const auto path = directory.path() / "socket";
    const Scripted server(path, std::move(script));
    return Client(path).call("/t.S/M", "x").outcome;
}

const Fields kHead = {{":status", "200"}, {"content-type", "application/grpc"}};

} // namespace

TEST_CASE("a gRPC client says what was wrong with an answer", "[grpc]") {
    SECTION("no status at the end") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.respond(stream, kHead);
                  session.append(stream, message_prefix(0));
                  session.finish(stream);
              }).code == Code::kInternal);
    }
    SECTION("trailers without a status") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.respond(stream, kHead);
                  session.finish(stream, {{"x", "y"}});
              }) == Outcome{Code::kUnknown, "the server said no status"});
    }
    SECTION("HTTP says no") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.respond_and_end(stream, {{":status", "503"}});
              }) == Outcome{Code::kUnavailable, "the server answered 503"});
    }
    SECTION("no gRPC") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.respond(stream, {{":status", "200"}, {"content-type", "text/html"}});
                  session.finish(stream);
              }) == Outcome{Code::kUnknown, "what the server answered is not gRPC"});
    }
    SECTION("a message that is cut off") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.respond(stream, kHead);
                  session.append(stream, message_prefix(10) + "x");
                  session.finish(stream, {{"grpc-status", "0"}});
              }) == Outcome{Code::kInternal, "a message of the answer is cut off"});
    }
    SECTION("two messages, where one is all") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.respond(stream, kHead);
                  session.append(stream, message_prefix(0) + message_prefix(0));
                  session.finish(stream, {{"grpc-status", "0"}});
              }) == Outcome{Code::kInternal, "more than one message in answer"});
    }
    SECTION("none, where one is due") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  Fields fields = kHead;
                  fields.emplace_back("grpc-status", "0");
                  session.respond_and_end(stream, fields);
              }) == Outcome{Code::kInternal, "no message in answer"});
    }
    SECTION("compressed") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.respond(stream, kHead);
                  session.append(stream, std::string("\1\0\0\0\1x", 6));
              }).code == Code::kInternal);
    }
    SECTION("reset") {
        CHECK(outcome_with([](Session &session, Session::Stream stream) {
                  session.reset(stream, Session::kCancel);
              }).code == Code::kCancelled);
    }
    SECTION("hung up") { CHECK(outcome_with(nullptr).code == Code::kUnavailable); }
}

TEST_CASE("a gRPC client gives up on a server that says nothing", "[grpc]") {
    const TemporaryDirectory directory = scratch();
    const Fd listener = must(http::listen_unix(directory.path() / "socket", 0600));
    Client client(directory.path() / "socket");
    CHECK(client.call("/t.S/M", "x", {.timeout = 10ms}).outcome.code == Code::kDeadlineExceeded);
    std::stop_source source;
    source.request_stop();
    CHECK(client.call("/t.S/M", "x", {.stop = source.get_token()}).outcome.code == Code::kCancelled);
}

TEST_CASE("a socket path that no address holds is an error of the gRPC call", "[grpc]") {
    CHECK(Client("/" + std::string(200, 'x')).call("/t.S/M", "").outcome.code == Code::kUnavailable);
}
