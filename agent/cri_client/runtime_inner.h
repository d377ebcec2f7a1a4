// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <mutex>
#include <runtime/v1/api.pb.h>
#include <string>

#include "agent/cri_client/places.h"
#include "agent/cri_client/runtime.h"
#include "base/grpc/messages.h"

// What the calls of a runtime stand on; for those who carry them out.
namespace ballast::agent {

// As Runtime's errors say it.
int code_of(grpc::Code code);

struct Runtime::Inner {
    // `places`: how many sandboxes and containers are made and started at once.
    Inner(std::filesystem::path socket, std::chrono::nanoseconds timeout, unsigned places)
        : client(std::move(socket)), patience(timeout), starts(places) {}

    template <typename Response, typename Request>
    Result<Response> ask(const char *method, const Request &request, const grpc::CallOptions &options) {
        auto reply = grpc::call<Response>(client, std::string("/runtime.v1.") + method, request, options);
        if (!reply.outcome.ok()) {
            return fail(code_of(reply.outcome.code), reply.outcome.message);
        }
        return std::move(reply.response);
    }
    template <typename Response, typename Request>
    Result<Response> ask(const char *method, const Request &request) {
        return ask<Response>(method, request, {.timeout = patience});
    }

    template <typename Response, typename Request>
    Result<std::string> stream_url(const char *method, const char *what, const std::string &id, StreamChoice streams,
                                   Request request) {
        request.set_container_id(id);
        request.set_stdin(streams.input);
        request.set_stdout(streams.output);
        request.set_stderr(streams.errors);
        request.set_tty(streams.terminal);
        return TRY(ask<Response>((std::string("RuntimeService/") + method).c_str(), request).within(what)).url();
    }

    // Its status; from memory when it was known to have ended.
    Result<ObservedContainer> status(const ::runtime::v1::Container &listed);

    grpc::Client client;
    std::chrono::nanoseconds patience;
    Places starts;
    std::mutex mutex; // over `ended`, and one listing at a time
    std::map<std::string, ObservedContainer> ended;
    std::map<std::string, std::string> addresses; // of sandboxes that are ready: they have one for life
};

} // namespace ballast::agent
