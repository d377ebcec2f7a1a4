// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <utility>

#include "base/grpc/call.h"
#include "base/grpc/client.h"
#include "base/result.h"

// Handlers and calls with messages of protobuf instead of bytes; any class with its two functions will do.
namespace ballast::grpc {

template <typename Message>
Outcome read_message(const std::string &bytes, Message &message) {
    return message.ParseFromString(bytes) ? Outcome{} : Outcome{Code::kInternal, "the message cannot be read"};
}

// From a function (const Request &, Call &) -> Result<Response>.
template <typename Request, typename Function>
Handler unary(Function function) {
    return [function = std::move(function)](Call &call) -> Outcome {
        Request request;
        if (Outcome outcome = read_message(call.request(), request); !outcome.ok()) {
            return outcome;
        }
        auto response = function(std::as_const(request), call);
        if (!response.has_value()) {
            return outcome_of(response.error());
        }
        return outcome_of(call.send(response->SerializeAsString()));
    };
}

// From a function (const Request &, Call &) -> Status that sends its messages by send_message().
template <typename Request, typename Function>
Handler streaming(Function function) {
    return [function = std::move(function)](Call &call) -> Outcome {
        Request request;
        if (Outcome outcome = read_message(call.request(), request); !outcome.ok()) {
            return outcome;
        }
        return outcome_of(function(std::as_const(request), call));
    };
}

template <typename Message>
Status send_message(Call &call, const Message &message) {
    return call.send(message.SerializeAsString());
}

template <typename Response>
struct TypedReply {
    Outcome outcome;
    Response response;
};

template <typename Response, typename Request>
TypedReply<Response> call(Client &client, std::string_view method, const Request &request,
                          const CallOptions &options = {}) {
    TypedReply<Response> typed;
    Reply reply = client.call(method, request.SerializeAsString(), options);
    typed.outcome = std::move(reply.outcome);
    if (typed.outcome.ok()) {
        typed.outcome = read_message(reply.message, typed.response);
    }
    return typed;
}

} // namespace ballast::grpc
