// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "agent/server/access.h"
#include "agent/server/request.h"
#include "agent/server/serving_certificate.h"
#include "base/http/server.h"
#include "base/http/tls_front.h"
#include "base/result.h"

namespace ballast::agent {

// The node's own HTTPS server, as kubelet's on port 10250: what `kubectl logs` and others come to by way of the API
// server. Whoever asks has a name and may do what they ask for; without TLS there is /healthz on its own address.
class NodeServer {
  public:
    // What is given outlives it, but for `world` and `certificate`. An error when an address is taken, or a file wrong.
    static Result<std::unique_ptr<NodeServer>> start(const ServerConfig &config, const std::string &node_name,
                                                     const ServingCertificate &certificate, ApiServer &api,
                                                     ServerWorld world);
    // Cuts clients off; what they wait for has to end.
    ~NodeServer();
    NodeServer(const NodeServer &) = delete;
    NodeServer &operator=(const NodeServer &) = delete;

    // Shows another certificate from the next client on. From any thread.
    void use(const ServingCertificate &certificate);

    std::uint16_t port() const { return port_; } // of HTTPS

  private:
    NodeServer(const ServerConfig &config, const std::string &node_name, ApiServer &api, ServerWorld world)
        : access_(api, config, node_name), world_(std::move(world)), authorities_(config.authorities) {}
    Status open(const ServerConfig &config, const ServingCertificate &certificate);
    http::TlsFiles files(const ServingCertificate &certificate) const;
    void serve(http::Exchange &exchange);
    Status authorise(http::Exchange &exchange);
    Status route(http::Exchange &exchange, const PathParts &parts);

    Access access_;
    ServerWorld world_;
    std::filesystem::path authorities_; // of clients
    std::uint16_t port_ = 0;
    std::unique_ptr<http::Server> server_;
    std::unique_ptr<http::TlsFront> front_; // last: it ends first, and hands nothing over any more
};

} // namespace ballast::agent
