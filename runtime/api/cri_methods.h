// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/grpc/messages.h"
#include "runtime/api/backend.h"

// What the services of CRI are put together from.
namespace ballast::api {

// A method from a function of the backend and a request. `backend` outlives it.
template <typename Response, typename Request>
grpc::Handler cri_method(const Backend &backend, Result<Response> (*function)(const Backend &, const Request &)) {
    return grpc::unary<Request>(
        [&backend, function](const Request &request, grpc::Call &) { return function(backend, request); });
}
template <typename Response, typename Request>
grpc::Handler cri_method(const Backend &backend,
                         Result<Response> (*function)(const Backend &, const Request &, grpc::Call &)) {
    return grpc::unary<Request>(
        [&backend, function](const Request &request, grpc::Call &call) { return function(backend, request, call); });
}
// One that sends its messages itself.
template <typename Request>
grpc::Handler cri_stream(const Backend &backend, Status (*function)(const Backend &, const Request &, grpc::Call &)) {
    return grpc::streaming<Request>(
        [&backend, function](const Request &request, grpc::Call &call) { return function(backend, request, call); });
}

// A list in pieces: one of many may be larger than a message.
template <typename Message>
class CriPieces {
  public:
    explicit CriPieces(grpc::Call &call) : call_(call) {}

    Message &piece() { return piece_; } // for one more, then added()
    Status added() { return ++count_ < kMost ? Status() : send(); }
    Status end() { return count_ == 0 ? Status() : send(); }

  private:
    static constexpr int kMost = 100;
    Status send() {
        TRY(grpc::send_message(call_, piece_));
        piece_.Clear();
        count_ = 0;
        return {};
    }
    grpc::Call &call_;
    Message piece_;
    int count_ = 0;
};

// Kubernetes asks again for what it has asked for: that something is gone is what it wants.
inline Status gone_is_fine(Status status) { return !status && status.error().code == ENOENT ? Status() : status; }

// Of an enumeration.
inline std::unexpected<Error> unknown_value(const std::string &field, int value) {
    return fail(EINVAL, field + ": " + std::to_string(value) + " is no value of it");
}

} // namespace ballast::api
