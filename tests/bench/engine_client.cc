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

Result<std::string> EngineClient::create(const std::string &image, const std::vector<std::string> &command,
                                         const Place &place) {
    Json body{{"Image", image}, {"Cmd", command}, {"HostConfig", {{"NetworkMode", place.network}}}};
    for (int i = 0; i < place.ports; ++i) {
        const std::string port = std::to_string(place.first_container_port + i) + "/tcp";
        body["ExposedPorts"][port] = Json::object();
        body["HostConfig"]["PortBindings"][port] = {{{"HostPort", std::to_string(place.first_host_port + i)}}};
    }
    const std::string target = "/containers/create" + (place.name.empty() ? "" : "?name=" + place.name);
    const Json answer = TRY(parsed(TRY(call("POST", target, body.dump()))));
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

Result<Running> EngineClient::running(const std::string &id) {
    const Json answer = TRY(parsed(TRY(call("GET", "/containers/" + id + "/json"))));
    Running running;
    try {
        running.pid = answer.at("State").at("Pid").get<int>();
        for (const auto &[name, network] : answer.at("NetworkSettings").at("Networks").items()) {
            running.address = network.at("IPAddress").get<std::string>();
        }
    } catch (const Json::exception &error) {
        return fail(EPROTO, "inspect " + id + ": " + error.what());
    }
    return running;
}

Status EngineClient::create_network(const std::string &name) {
    (void)TRY(call("POST", "/networks/create", Json{{"Name", name}}.dump()));
    return {};
}

Status EngineClient::remove_network(const std::string &name) {
    (void)TRY(call("DELETE", "/networks/" + name));
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
