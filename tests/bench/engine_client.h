// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "base/http/client.h"
#include "base/result.h"

namespace ballast::bench {

// Where a container is and what it publishes.
struct Place {
    std::string network = "none";
    std::string name = {};        // empty: a random one
    int first_host_port = 0;      // of `ports` in a row
    int first_container_port = 0; // TCP
    int ports = 0;
};

struct Running {
    int pid = 0;
    std::string address = {}; // IPv4, in its only network
};

// One client of a Docker Engine API, over one connection that it keeps. Each call waits for the whole answer; a status
// that is no success is EIO with the engine's words.
class EngineClient {
  public:
    explicit EngineClient(std::filesystem::path socket) : socket_(std::move(socket)) {}

    // Returns the container's id. In the foreground of nobody.
    Result<std::string> create(const std::string &image, const std::vector<std::string> &command,
                               const Place &place = {});
    Status start(const std::string &id);
    Result<int> wait(const std::string &id); // its exit code
    Status remove(const std::string &id);    // running or not
    Result<Running> running(const std::string &id);

    Status pull(const std::string &image, const std::string &tag);
    Status remove_image(const std::string &image);

    Status create_network(const std::string &name);
    Status remove_network(const std::string &name);

  private:
    Result<std::string> call(const std::string &method, const std::string &target, const std::string &body = {});

    std::filesystem::path socket_;
    http::Client client_;
};

} // namespace ballast::bench
