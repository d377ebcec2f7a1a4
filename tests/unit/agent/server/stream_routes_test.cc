// SPDX-License-Identifier: Apache-2.0
// Streams and logs by way of a runtime that says what a test wants it to say; its streams are a real server's.
#include <array>
#include <runtime/v1/api.pb.h>
#include <sys/socket.h>

#include "base/grpc/messages.h"
#include "base/grpc/server.h"
#include "base/timestamp.h"
#include "tests/unit/agent/server/server_fixture.h"

using namespace ballast;
using namespace ballast::agent;
namespace cri = ::runtime::v1;

namespace {

constexpr std::int64_t kSecond = 1'000'000'000;

// Says back what it hears, until "end" and with it; then the stream is over.
void speak(http::Exchange &exchange) {
    if (exchange.request().path == "/late") {
        must(exchange.answer(404, {}, "no stream waits here\n"));
        return;
    }
    const http::Hijacked client = must(exchange.upgrade(
        {{"Upgrade", "SPDY/3.1"},
         {"X-Stream-Protocol-Version", std::string(exchange.request().header("X-Stream-Protocol-Version"))}}));
    std::string heard = client.read_ahead;
    std::array<char, 4096> piece{};
    for (ssize_t count = 1; !heard.contains("end") && count > 0;) {
        count = ::recv(client.socket.get(), piece.data(), piece.size(), 0);
        heard.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    }
    must(write_all(client.socket, exchange.request().method + " " + exchange.request().target + " heard " + heard));
}

struct Streams : ServerFixture {
    std::atomic<bool> late = false;
    std::string asked;      // of the runtime, last
    std::uint16_t port = 0; // of the streams
    http::Server streams = must(http::Server::start(listen(), speak));
    grpc::Server cri_server = must(grpc::Server::start(listen_cri(), methods()));

    Streams() {
        shown.observed = {.uid = "u",
                          .sandboxes = {{.id = "box", .ready = true}},
                          .containers = {{.id = "id", .name = "c", .state = ContainerState::kRunning},
                                         {.id = "dead", .name = "d", .state = ContainerState::kExited}}};
    }
    std::vector<Fd> listen() {
        std::vector<Fd> sockets;
        sockets.push_back(must(http::listen_tcp("127.0.0.1", 0)));
        port = must(http::port_of(sockets.front()));
        return sockets;
    }
    std::vector<Fd> listen_cri() const {
        std::vector<Fd> sockets;
        sockets.push_back(must(http::listen_unix(directory.path() / "cri.sock", 0600)));
        return sockets;
    }
    template <typename Response>
    Result<Response> url(const std::string &said) {
        asked = said;
        Response response;
        response.set_url("http://127.0.0.1:" + std::to_string(port) + (late ? "/late" : "/exec/token"));
        return response;
    }
    static std::string flags(const auto &request) {
        return std::string(request.stdin() ? "i" : "") + (request.stdout() ? "o" : "") + (request.stderr() ? "e" : "") +
               (request.tty() ? "t" : "");
    }
    grpc::Methods methods() {
        const std::string service = "/runtime.v1.RuntimeService/";
        return {{service + "Exec", grpc::unary<cri::ExecRequest>([this](const cri::ExecRequest &request, grpc::Call &) {
                     return url<cri::ExecResponse>("exec " + request.container_id() + " " + flags(request) + " " +
                                                   request.cmd(0) + " " + request.cmd(1));
                 })},
                {service + "Attach",
                 grpc::unary<cri::AttachRequest>([this](const cri::AttachRequest &request, grpc::Call &) {
                     return url<cri::AttachResponse>("attach " + request.container_id() + " " + flags(request));
                 })},
                {service + "PortForward",
                 grpc::unary<cri::PortForwardRequest>([this](const cri::PortForwardRequest &request, grpc::Call &) {
                     std::string said = "forward " + request.pod_sandbox_id();
                     for (const int one : request.port()) {
                         said += " " + std::to_string(one);
                     }
                     return url<cri::PortForwardResponse>(said);
                 })},
                {service + "ContainerStatus",
                 grpc::unary<cri::ContainerStatusRequest>([this](const cri::ContainerStatusRequest &request,
                                                                 grpc::Call &) -> Result<cri::ContainerStatusResponse> {
                     if (request.container_id() != "id") {
                         return fail(ENOENT, "no such container");
                     }
                     cri::ContainerStatusResponse response;
                     response.mutable_status()->set_id("id");
                     response.mutable_status()->set_state(cri::CONTAINER_EXITED);
                     response.mutable_status()->set_log_path((directory.path() / "0.log").string());
                     return response;
                 })}};
    }

    // What the server says to one request and these bytes behind it, until it closes.
    std::string ask(const std::string &method, const std::string &target, const std::string &bytes) const {
        return must(run({.arguments = {"openssl", "s_client", "-quiet", "-connect",
                                       "127.0.0.1:" + std::to_string(server->port())},
                         .input = method + " " + target +
                                  " HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer good\r\nConnection: Upgrade\r\n"
                                  "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"
                                  "Content-Length: 0\r\n\r\n" +
                                  bytes,
                         .timeout = std::chrono::seconds(20)}))
            .output;
    }
};

} // namespace

TEST_CASE("a stream is the runtime's, both ways", "[agent]") {
    Streams fixture;
    const std::string said =
        fixture.ask("POST", "/exec/n/web/c?command=/bin/id&command=-u&input=1&output=1&error=1", "to the end");
    CHECK(said.starts_with("HTTP/1.1 101 "));
    CHECK(said.contains("\r\nX-Stream-Protocol-Version: v4.channel.k8s.io\r\n"));
    CHECK(said.ends_with("\r\n\r\nPOST /exec/token heard to the end"));
    CHECK(fixture.asked == "exec id ioe /bin/id -u");
    CHECK(
        fixture.ask("GET", "/exec/n/web/u/c?command=a&command=b&output=1&error=1&tty=1", "end").contains("GET /exec"));
    CHECK(fixture.asked == "exec id ot a b"); // a terminal has one stream of output
    const std::string much(1UL << 20, 'x');
    CHECK(fixture.ask("POST", "/exec/n/web/c?command=a&command=b&input=1", much + "end").ends_with(much + "end"));
}

TEST_CASE("attaching has the terminal that the container has", "[agent]") {
    Streams fixture;
    CHECK(fixture.ask("POST", "/attach/n/web/c?input=1&output=1&error=1", "end").starts_with("HTTP/1.1 101 "));
    CHECK(fixture.asked == "attach id ioe");
    fixture.shown.object["spec"]["containers"][0]["tty"] = true;
    CHECK(fixture.ask("POST", "/attach/n/web/c?output=1&error=1", "end").starts_with("HTTP/1.1 101 "));
    CHECK(fixture.asked == "attach id ot");
}

TEST_CASE("ports of a pod are its sandbox's", "[agent]") {
    Streams fixture;
    CHECK(fixture.ask("POST", "/portForward/n/web", "end").starts_with("HTTP/1.1 101 "));
    CHECK(fixture.asked == "forward box");
    CHECK(fixture.ask("POST", "/portForward/n/web/u?port=80,81&port=82", "end").starts_with("HTTP/1.1 101 "));
    CHECK(fixture.asked == "forward box 80 81 82");
}

TEST_CASE("a stream that cannot be is refused in words", "[agent]") {
    Streams fixture;
    const auto refused = [&](const std::string &target, int status, const std::string &why) {
        CAPTURE(target);
        http::ClientRequest request = fixture.request(target);
        request.method = "POST";
        request.headers = {{"Authorization", "Bearer good"}, {"Connection", "Upgrade"}, {"Upgrade", "SPDY/3.1"}};
        const http::ClientResponse answer = must(fixture.client.send(request));
        CHECK(answer.head.status == status);
        CHECK(answer.body.contains(why));
    };
    refused("/exec/n/web/d?command=a&output=1", 404, "container not found (\"d\")");
    refused("/exec/n/web/c?command=a", 400, "at least 1 of stdin, stdout, stderr");
    refused("/exec/n/none/c?command=a&output=1", 404, "pod \"none\" does not exist");
    refused("/portForward/n/web?port=0", 400, "port: want numbers from 1 to 65535");
    fixture.late = true;
    refused("/exec/n/web/c?command=a&command=b&output=1", 404, "no stream waits here");
    fixture.shown.observed.sandboxes.front().ready = false;
    refused("/portForward/n/web", 404, "is not running");
}

TEST_CASE("the log of a container comes by the runtime's word for where it is", "[agent]") {
    Streams fixture;
    std::string log, wanted;
    for (int i = 0; i < 5000; i++) {
        log += timestamp(i * kSecond) + " stdout F line " + std::to_string(i) + "\n";
        wanted += "line " + std::to_string(i) + "\n";
    }
    must(write_file(fixture.directory.path() / "0.log", log));
    fixture.shown.object["status"]["containerStatuses"] =
        Json::array({{{"name", "c"},
                      {"containerID", "x://id"},
                      {"state", {{"running", Json::object()}}},
                      {"lastState", {{"terminated", {{"containerID", "x://gone"}}}}}}});
    CHECK(fixture.by_token("good", "/containerLogs/n/web/c").body == wanted);
    CHECK(fixture.by_token("good", "/containerLogs/n/web/c?tailLines=1").body == "line 4999\n");
    // One that has ended is followed to its end.
    CHECK(fixture.by_token("good", "/containerLogs/n/web/c?follow=true").body == wanted);
    CHECK(fixture.by_token("good", "/containerLogs/n/web/c?previous=true").head.status == 404);
}
