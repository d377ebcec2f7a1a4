// SPDX-License-Identifier: Apache-2.0
#include "agent/probes/action.h"

#include <algorithm>
#include <arpa/inet.h>
#include <condition_variable>
#include <format>
#include <mutex>
#include <poll.h>
#include <sys/socket.h>

#include "base/fd.h"
#include "base/grpc/client.h"
#include "base/quote.h"

namespace ballast::agent {
namespace {

constexpr std::size_t kMostShown = 1024; // of what a program says

Result<int> port_of(const PortRef &port, const Target &target) {
    if (port.name.empty()) {
        return port.number;
    }
    if (target.container != nullptr) {
        const auto found = std::ranges::find(target.container->ports, port.name, &Port::name);
        if (found != target.container->ports.end()) {
            return found->container;
        }
    }
    return fail(EINVAL, "couldn't find port: " + quote(port.name));
}

const std::string &host_of(const std::string &host, const Target &target) {
    return host.empty() ? target.address : host;
}

// A socket that is connected, within that time. Not blocking.
Result<Fd> connect_to(const std::string &host, int port, std::chrono::milliseconds timeout) {
    sockaddr_in v4{};
    v4.sin_family = AF_INET;
    v4.sin_port = htons(static_cast<std::uint16_t>(port));
    sockaddr_in6 v6{};
    v6.sin6_family = AF_INET6;
    v6.sin6_port = v4.sin_port;
    const bool is_v4 = ::inet_pton(AF_INET, host.c_str(), &v4.sin_addr) == 1;
    if (!is_v4 && ::inet_pton(AF_INET6, host.c_str(), &v6.sin6_addr) != 1) {
        return fail(EINVAL, "dial tcp: " + quote(host) + " is no address");
    }
    const std::string what = std::format("dial tcp {}:{}", host, port);
    Fd socket(::socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const auto *address = is_v4 ? reinterpret_cast<const sockaddr *>(&v4) : reinterpret_cast<const sockaddr *>(&v6);
    if (!socket.is_open() ||
        (::connect(socket.get(), address, is_v4 ? sizeof v4 : sizeof v6) != 0 && errno != EINPROGRESS)) {
        return fail_errno(what);
    }
    pollfd entry{socket.get(), POLLOUT, 0};
    if (poll(&entry, 1, static_cast<int>(timeout.count())) == 0) {
        return fail(ETIMEDOUT, what + ": i/o timeout");
    }
    int error = 0;
    socklen_t size = sizeof error;
    (void)::getsockopt(socket.get(), SOL_SOCKET, SO_ERROR, &error, &size); // of a socket it cannot fail
    return error == 0 ? Result<Fd>(std::move(socket)) : fail_errno(what, error);
}

// grpc.health.v1: a request with the service's name as its first field, and an answer whose first field is its status.
std::string health_request(const std::string &service) {
    std::string message;
    if (!service.empty()) {
        constexpr char kServiceField = 0x0a;
        message += kServiceField;
        for (std::size_t size = service.size(); true; size >>= 7) {
            message += static_cast<char>((size & 0x7f) | (size > 0x7f ? 0x80 : 0));
            if (size <= 0x7f) {
                break;
            }
        }
        message += service;
    }
    return message;
}
bool is_serving(std::string_view answer) { return answer.starts_with("\x08\x01"); }

class Runner {
  public:
    Runner(const Target &target, const Means &means, std::chrono::seconds timeout, const std::stop_token &stop)
        : target_(target), means_(means), timeout_(timeout), stop_(stop) {}

    Status operator()(const ExecAction &action) const {
        const Result<ExecResult> result = means_.runtime.exec(target_.container_id, action.command, timeout_, stop_);
        if (!result.has_value()) {
            return std::unexpected(result.error().code == ETIMEDOUT
                                       ? Error{ETIMEDOUT, std::format("command timed out after {}s", timeout_.count())}
                                       : result.error());
        }
        if (result->exit_code != 0) {
            return fail(EIO, std::format("command exited with {}: {}", result->exit_code,
                                         escaped(result->output.substr(0, kMostShown))));
        }
        return {};
    }

    Status operator()(const HttpAction &action) const {
        http::ClientRequest request;
        request.url = {.scheme = action.scheme == "HTTPS" ? "https" : "http",
                       .host = host_of(action.host, target_),
                       .port = static_cast<std::uint16_t>(TRY(port_of(action.port, target_))),
                       .target = (action.path.starts_with('/') ? "" : "/") + action.path};
        request.headers = {{"User-Agent", "kube-probe/1.34"}, {"Accept", "*/*"}, {"Connection", "close"}};
        for (const auto &[name, value] : action.headers) {
            std::erase_if(request.headers, [&](const http::ClientHeader &header) { return header.name == name; });
            request.headers.push_back({name, value});
        }
        request.tls.verify = false; // as Kubernetes has it: nobody knows a pod's certificate
        request.patience.total = timeout_;
        request.stop = stop_;
        std::size_t taken = 0;
        request.sink = [&taken](std::string_view piece) -> Status {
            constexpr std::size_t kMostBody = 10UL << 10;
            taken += piece.size();
            return taken > kMostBody ? fail(EFBIG, "enough") : Status();
        };
        int status = 0;
        request.on_head = [&status](const http::ResponseHead &head) -> Status {
            status = head.status;
            return {};
        };
        const Result<http::ClientResponse> response = means_.http.send(request);
        if (!response.has_value() && response.error().code != EFBIG) {
            return std::unexpected(response.error());
        }
        return status >= 200 && status < 400 ? Status()
                                             : fail(EIO, std::format("HTTP probe failed with statuscode: {}", status));
    }

    Status operator()(const TcpAction &action) const {
        (void)TRY(connect_to(host_of(action.host, target_), TRY(port_of(action.port, target_)), timeout_));
        return {};
    }

    Status operator()(const GrpcAction &action) const {
        grpc::Client client([&] { return connect_to(target_.address, action.port, timeout_); });
        const grpc::Reply reply = client.call("/grpc.health.v1.Health/Check", health_request(action.service),
                                              {.timeout = timeout_, .stop = stop_});
        if (!reply.outcome.ok()) {
            return fail(EIO, std::format("service at {}:{}: {}: {}", target_.address, action.port,
                                         grpc::name_of(reply.outcome.code), reply.outcome.message));
        }
        return is_serving(reply.message) ? Status()
                                         : fail(EIO, "service unhealthy (responded with another status than SERVING)");
    }

    Status operator()(const SleepAction &action) const {
        std::mutex mutex;
        std::unique_lock lock(mutex);
        std::condition_variable_any waiting;
        const auto time = std::min(std::chrono::seconds(action.seconds), timeout_);
        waiting.wait_for(lock, stop_, time, [] { return false; });
        return {};
    }

  private:
    const Target &target_;
    const Means &means_;
    std::chrono::seconds timeout_;
    const std::stop_token &stop_;
};

} // namespace

Status run_action(const Action &action, const Target &target, const Means &means, std::chrono::seconds timeout,
                  const std::stop_token &stop) {
    return std::visit(Runner(target, means, timeout, stop), action);
}

} // namespace ballast::agent
