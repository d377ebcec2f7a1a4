// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/http/client.h"
#include "base/result.h"

namespace ballast::chaos {

// Speaks with an engine's socket, from several threads at once. The engine may be killed under it: then calls fail with
// what the client says of the connection.
class EngineClient {
  public:
    explicit EngineClient(std::filesystem::path socket) : socket_(std::move(socket)) {}

    struct Answer {
        int status = 0;
        std::string body;
        bool good() const { return status >= 200 && status < 400; }
        nlohmann::json json() const { return nlohmann::json::parse(body, nullptr, false); }
    };
    Result<Answer> call(const std::string &method, const std::string &target, const std::string &body = "",
                        const std::string &type = "application/json");
    // Until the engine answers at all; false after a minute.
    bool wait_until_there();

  private:
    std::filesystem::path socket_;
    http::Client client_;
};

} // namespace ballast::chaos
