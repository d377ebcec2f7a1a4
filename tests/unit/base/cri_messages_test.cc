// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/messages.h"

#include <runtime/v1/api.pb.h>

#include "tests/unit/base/grpc_fixture.h"

using namespace ballast;
using namespace ballast::grpc;
namespace cri = runtime::v1;

namespace {

constexpr std::string_view kVersion = "/runtime.v1.RuntimeService/Version";
constexpr std::string_view kEvents = "/runtime.v1.RuntimeService/GetContainerEvents";

Result<cri::VersionResponse> version(const cri::VersionRequest &request, Call &) {
    if (request.version() != "v1") {
        return fail(EINVAL, "want v1");
    }
    cri::VersionResponse response;
    response.set_runtime_name("test");
    return response;
}

Status events(const cri::GetEventsRequest &, Call &call) {
    for (const auto type : {cri::CONTAINER_CREATED_EVENT, cri::CONTAINER_DELETED_EVENT}) {
        cri::ContainerEventResponse event;
        event.set_container_event_type(type);
        TRY(send_message(call, event));
    }
    return {};
}

} // namespace

TEST_CASE("calls with the messages of the container runtime interface reach their function", "[grpc]") {
    ServerFixture fixture({{std::string(kVersion), unary<cri::VersionRequest>(version)},
                           {std::string(kEvents), streaming<cri::GetEventsRequest>(events)}});
    Client client(fixture.path);
    cri::VersionRequest request;
    request.set_version("v1");
    const auto reply = call<cri::VersionResponse>(client, kVersion, request);
    CHECK(reply.outcome == Outcome{});
    CHECK(reply.response.runtime_name() == "test");
    request.set_version("v2");
    CHECK(call<cri::VersionResponse>(client, kVersion, request).outcome == Outcome{Code::kInvalidArgument, "want v1"});
    CHECK(client.call(kVersion, "\xff\xff").outcome == Outcome{Code::kInternal, "the message cannot be read"});

    std::vector<int> types;
    CHECK(client
              .stream(kEvents, "",
                      [&](const std::string &message) {
                          cri::ContainerEventResponse event;
                          Outcome outcome = read_message(message, event);
                          types.push_back(event.container_event_type());
                          return outcome;
                      })
              .ok());
    CHECK(types == std::vector<int>{cri::CONTAINER_CREATED_EVENT, cri::CONTAINER_DELETED_EVENT});
}

TEST_CASE("the container runtime interface is as new as what we build on", "[grpc]") {
    cri::ContainerConfig config; // not before 0.34
    config.set_stop_signal(cri::CRI_SIGTERM);
    CHECK(config.stop_signal() == cri::CRI_SIGTERM);
}
