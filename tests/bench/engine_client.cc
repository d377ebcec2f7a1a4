// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_client.h"

#include <nlohmann/json.hpp>

namespace ballast::bench {
namespace {

using Json = nlohmann::json;

constexpr const char *kVersion = "/v1.41"; // which all engines speak
constexpr std::chrono::minutes kPatience{15};
constexpr int kSuccess = 200, kNoSuccess = 300;

Result<Json> parsed(const std::string &text) {
    Json json = Json::parse(text, nullptr, false);
    if (json.is_discarded()) {
        return fail(EPROTO, "the engine's answer is no JSON: " + text);
    }
    return json;
}

} // namespace

Result<std::string> EngineClient::call(const std::string &method, const std::string &target, const std::string &body) {
    http::ClientRequest request;
    request.method = method;
    request.url = TRY(http::parse_url("http://engine" + (kVersion + target)));
    request.unix_socket = socket_;
    request.body = body;
    request.patience.idle = kPatience;
    if (!body.empty()) {
        request.headers.push_back({"Content-Type", "application/json"});
    }
    http::ClientResponse response = TRY(client_.send(request));
    if (response.head.status < kSuccess || response.head.status >= kNoSuccess) {
        return fail(EIO, method + " " + target + ": " + std::to_string(response.head.status) + " " + response.body);
    }
    return std::move(response.body);
}

Result<std::string> EngineClient::create(const std::string &image, const std::vector<std::string> &command) {
    const Json body{{"Image", image}, {"Cmd", command}, {"HostConfig", {{"NetworkMode", "none"}}}};
    const Json answer = TRY(parsed(TRY(call("POST", "/containers/create", body.dump()))));
    return answer.value("Id", "");
}

Status EngineClient::start(const std::string &id) {
    (void)TRY(call("POST", "/containers/" + id + "/start"));
    return {};
}

Result<int> EngineClient::wait(const std::string &id) {
    const Json answer = TRY(parsed(TRY(call("POST", "/containers/" + id + "/wait"))));
    return answer.value("StatusCode", -1);
}

Status EngineClient::remove(const std::string &id) {
    (void)TRY(call("DELETE", "/containers/" + id + "?force=true"));
    return {};
}

Status EngineClient::pull(const std::string &image, const std::string &tag) {
    const std::string progress = TRY(call("POST", "/images/create?fromImage=" + image + "&tag=" + tag));
    // Once progress has begun, a failure is its last line.
    if (progress.contains("\"errorDetail\"") || progress.contains("\"error\":\"")) {
        return fail(EIO, "pull " + image + ": " + progress.substr(progress.find("\"error")));
    }
    return {};
}

Status EngineClient::remove_image(const std::string &image) {
    (void)TRY(call("DELETE", "/images/" + image + "?force=true"));
    return {};
}

} // namespace ballast::bench
