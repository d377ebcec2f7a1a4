// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/action.h"

#include "base/grpc/server.h"
#include "base/http/listener.h"
#include "tests/integration/registry/scripted_server.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;
using namespace std::chrono_literals;

namespace {

struct Fixture {
    Runtime runtime{"/nonexistent", 1s};
    http::Client http;
    Container container;
    std::stop_source stop;

    Status run(const Action &action, std::chrono::seconds timeout = 10s) {
        const Target target{.container_id = "c", .address = "127.0.0.1", .container = &container};
        return run_action(action, target, {runtime, http}, timeout, stop.get_token());
    }
};

} // namespace

TEST_CASE_METHOD(Fixture, "a probe by HTTP wants a status of success", "[agent]") {
    tests::ScriptedServer server([](tests::Turn &turn) {
        turn.respond(turn.request.target == "/good" ? 204 : turn.request.target == "/moved" ? 302 : 503, "");
    });
    container.ports = {{.name = "web", .container = server.port()}};
    must(run(HttpAction{.path = "/good", .port = {.number = server.port()}}));
    must(run(HttpAction{.path = "/good", .port = {.name = "web"}}));
    must(run(HttpAction{.path = "moved", .port = {.number = server.port()}}));
    REQUIRE(error_of(run(HttpAction{.path = "/bad", .port = {.number = server.port()}})).message ==
            "HTTP probe failed with statuscode: 503");
    REQUIRE(error_of(run(HttpAction{.path = "/good", .port = {.name = "none"}})).message ==
            "couldn't find port: \"none\"");
    must(run(HttpAction{.path = "/good", .port = {.number = server.port()}, .headers = {{"User-Agent", "me"}}}));
    REQUIRE(server.seen().front().header("User-Agent") == "kube-probe/1.34");
    REQUIRE(server.seen().back().header("User-Agent") == "me");
}

TEST_CASE_METHOD(Fixture, "a probe by TCP wants somebody who listens", "[agent]") {
    Fd listener = must(http::listen_tcp("127.0.0.1", 0));
    const std::uint16_t port = must(http::port_of(listener));
    must(run(TcpAction{.port = {.number = port}}));
    listener.close();
    REQUIRE(error_of(run(TcpAction{.port = {.number = port}})).code == ECONNREFUSED);
    REQUIRE(error_of(run(TcpAction{.port = {.number = port}, .host = "name"})).code == EINVAL);
}

TEST_CASE_METHOD(Fixture, "a probe by gRPC wants a service that serves", "[agent]") {
    std::vector<Fd> listeners;
    listeners.push_back(must(http::listen_tcp("127.0.0.1", 0)));
    const std::uint16_t port = must(http::port_of(listeners.front()));
    const grpc::Server server = must(
        grpc::Server::start(std::move(listeners),
                            {{"/grpc.health.v1.Health/Check", [](grpc::Call &call) -> grpc::Outcome {
                                  if (call.request() == std::string("\x0a\x04gone")) {
                                      return {grpc::Code::kNotFound, "no such service"};
                                  }
                                  return grpc::outcome_of(call.send(call.request().empty() ? "\x08\x01" : "\x08\x02"));
                              }}}));
    must(run(GrpcAction{.port = port}));
    REQUIRE(error_of(run(GrpcAction{.port = port, .service = "ill"})).message.contains("service unhealthy"));
    REQUIRE(error_of(run(GrpcAction{.port = port, .service = "gone"})).message.contains("NOT_FOUND: no such service"));
}

TEST_CASE_METHOD(Fixture, "a hook that sleeps is woken when its pod is to end", "[agent]") {
    must(run(SleepAction{.seconds = 0}));
    stop.request_stop();
    must(run(SleepAction{.seconds = 3600}, 3600s));
}

TEST_CASE_METHOD(Fixture, "an exec without a runtime says so", "[agent]") {
    REQUIRE(error_of(run(ExecAction{.command = {"true"}})).code == EAGAIN);
}
