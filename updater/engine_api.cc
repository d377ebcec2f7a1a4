// SPDX-License-Identifier: Apache-2.0
#include "updater/engine_api.h"

#include <format>

#include "base/http/client.h"

namespace ballast::updater {
namespace {

constexpr const char *kSocket = "/run/docker.sock";
constexpr std::chrono::seconds kPatience{20};
constexpr int kOk = 200, kNotFound = 404;

} // namespace

EngineApi::EngineApi() : client_(std::make_shared<http::Client>()) {}

Result<std::string> EngineApi::get(const std::string &target) const {
    http::ClientRequest request{.url = {.scheme = "http", .host = "localhost", .port = 80, .target = target}};
    request.unix_socket = kSocket;
    request.patience = {.connect = kPatience, .idle = kPatience, .total = kPatience};
    http::ClientResponse response = TRY(client_->send(request));
    if (response.head.status != kOk) {
        return fail(response.head.status == kNotFound ? ENOENT : EIO,
                    std::format("GET {}: the engine answers {}", target, response.head.status));
    }
    return std::move(response.body);
}

} // namespace ballast::updater
