// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <runtime/v1/api.pb.h>

#include "base/grpc/messages.h"
#include "runtime/api/cri_services.h"
#include "runtime/api/cri_streams.h"
#include "runtime/engine/pods.h"

namespace ballast::api {
namespace {

namespace cri = ::runtime::v1;
using engine::Snapshot;

template <typename Request>
Result<stream::CommandStreams> read_streams(const Request &request) {
    if (!request.stdin() && !request.stdout() && !request.stderr()) {
        return fail(EINVAL, "want one of stdin, stdout and stderr");
    }
    if (request.tty() && request.stderr()) {
        return fail(EINVAL, "a terminal has no stderr of its own: want one of tty and stderr");
    }
    return stream::CommandStreams{
        .input = request.stdin(), .output = request.stdout(), .errors = request.stderr(), .terminal = request.tty()};
}

template <typename Request>
Result<Snapshot> running(const Backend &backend, const Request &request) {
    if (request.container_id().empty()) {
        return fail(EINVAL, "want container_id");
    }
    Snapshot container = TRY(backend.engine.pods().container(request.container_id()));
    if (!container.state.running()) {
        return fail(EBUSY, "container " + container.id + " is not running");
    }
    return container;
}

Result<cri::ExecResponse> exec(const Backend &backend, CriStreams &streams, const cri::ExecRequest &request) {
    const Snapshot container = TRY(running(backend, request));
    if (request.cmd().empty()) {
        return fail(EINVAL, "want cmd");
    }
    cri::ExecResponse response;
    response.set_url(TRY(streams.url(ExecStream{.container = container.id,
                                                .command = {request.cmd().begin(), request.cmd().end()},
                                                .streams = TRY(read_streams(request))})));
    return response;
}

Result<cri::AttachResponse> attach(const Backend &backend, CriStreams &streams, const cri::AttachRequest &request) {
    const Snapshot container = TRY(running(backend, request));
    if (request.tty() && !container.config.tty) {
        return fail(EINVAL, "tty: the container has no terminal");
    }
    cri::AttachResponse response;
    response.set_url(TRY(streams.url(AttachStream{.container = container.id,
                                                  .streams = TRY(read_streams(request)),
                                                  .container_terminal = container.config.tty})));
    return response;
}

Result<cri::PortForwardResponse> forward(const Backend &backend, CriStreams &streams,
                                         const cri::PortForwardRequest &request) {
    if (request.pod_sandbox_id().empty()) {
        return fail(EINVAL, "want pod_sandbox_id");
    }
    if (!std::ranges::all_of(request.port(), [](std::int32_t port) { return port > 0 && port <= 0xffff; })) {
        return fail(EINVAL, "port: want numbers from 1 to 65535");
    }
    const engine::Pods pods = backend.engine.pods();
    const Snapshot sandbox = TRY(pods.sandbox(request.pod_sandbox_id()));
    if (!pods.ready(sandbox)) {
        return fail(EBUSY, "sandbox " + sandbox.id + " is not ready");
    }
    cri::PortForwardResponse response;
    response.set_url(TRY(streams.url(ForwardStream{.network_namespace = pods.network_namespace(sandbox),
                                                   .ports = {request.port().begin(), request.port().end()}})));
    return response;
}

} // namespace

grpc::Methods cri_stream_methods(const Backend &backend, CriStreams &streams) {
    const auto bound = [&backend, &streams](auto function) {
        return [&backend, &streams, function](const auto &request, grpc::Call &) {
            return function(backend, streams, request);
        };
    };
    const std::string service = kCriRuntime;
    return {
        {service + "Exec", grpc::unary<cri::ExecRequest>(bound(exec))},
        {service + "Attach", grpc::unary<cri::AttachRequest>(bound(attach))},
        {service + "PortForward", grpc::unary<cri::PortForwardRequest>(bound(forward))},
    };
}

} // namespace ballast::api
