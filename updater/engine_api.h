// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace ballast::http {
class Client;
}

namespace ballast::updater {

// Reads from the engine over /run/docker.sock. Copies share their connections.
class EngineApi {
  public:
    EngineApi();
    // The body of the answer to GET TARGET. ENOENT when it answers 404, EIO when it refuses otherwise.
    Result<std::string> get(const std::string &target) const;

  private:
    std::shared_ptr<http::Client> client_;
};

} // namespace ballast::updater
