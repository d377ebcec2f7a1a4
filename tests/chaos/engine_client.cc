// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/engine_client.h"

#include <chrono>
#include <thread>

namespace ballast::chaos {

using namespace std::chrono_literals;

Result<EngineClient::Answer> EngineClient::call(const std::string &method, const std::string &target,
                                                const std::string &body, const std::string &type) {
    http::ClientRequest request{.method = method,
                                .url = TRY(http::parse_url("http://engine" + target)),
                                .body = body,
                                .most_body = 256ULL << 20,
                                .unix_socket = socket_};
    request.headers.push_back({"Connection", "close"}); // what the engine holds afterwards is its own
    if (!body.empty()) {
        request.headers.push_back({"Content-Type", type});
    }
    request.patience.total = 120s;
    http::ClientResponse response = TRY(client_.send(request));
    return Answer{.status = response.head.status, .body = std::move(response.body)};
}

bool EngineClient::wait_until_there() {
    const auto end = std::chrono::steady_clock::now() + 60s;
    while (std::chrono::steady_clock::now() < end) {
        if (const Result<Answer> answer = call("GET", "/_ping"); answer && answer->good()) {
            return true;
        }
        std::this_thread::sleep_for(20ms);
    }
    return false;
}

} // namespace ballast::chaos
