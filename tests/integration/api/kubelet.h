// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <runtime/v1/api.pb.h>
#include <string>

#include "base/grpc/messages.h"
#include "tests/integration/api/daemon_fixture.h"

namespace ballast::api_tests {

// Asks the engine as kubelet does, over its socket.
struct Kubelet {
    grpc::Client client;
    explicit Kubelet(const DaemonFixture &fixture) : client(fixture.path("run") / "cri.sock") {}

    // `method`: "RuntimeService/Version".
    template <typename Response, typename Request>
    grpc::TypedReply<Response> ask(const std::string &method, const Request &request) {
        return grpc::call<Response>(client, "/runtime.v1." + method, request, {.timeout = std::chrono::seconds(60)});
    }
    // The same, and it must succeed.
    template <typename Response, typename Request>
    Response answer(const std::string &method, const Request &request) {
        grpc::TypedReply<Response> reply = ask<Response>(method, request);
        CAPTURE(method, reply.outcome.message);
        REQUIRE(reply.outcome.ok());
        return std::move(reply.response);
    }
};

} // namespace ballast::api_tests
