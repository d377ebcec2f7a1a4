// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "tests/control_plane/servers.h"

namespace ballast::control_plane {

// A real control plane for a test, and kubectl: what goes wrong fails the test. Its ports are fixed: it wants a network
// namespace of its own. Killed on destruction.
class ControlPlane {
  public:
    static constexpr int kPort = Servers::kPort;

    // `directory`: for all that it writes. Skips the test where its programs are missing; ready when it returns.
    // `address`: of this host, by which nodes reach the API server, too; empty: from this host alone.
    explicit ControlPlane(const std::filesystem::path &directory, const std::string &address = "");

    // A kubeconfig for that name and those groups ("system:nodes"), by a client certificate.
    std::filesystem::path kubeconfig(const std::string &name, const std::string &group = "") const;
    // `kubectl WORDS...` as an administrator.
    Completed kubectl(std::vector<std::string> words, const std::string &input = "") const;
    // The same, and it must succeed: stdout.
    std::string output_of(std::vector<std::string> words, const std::string &input = "") const;
    void apply(const std::string &documents) const;
    int minor() const; // of its version: 20 for Kubernetes 1.20.2
    // Ends the API server as a power cut would, and starts it again.
    void kill_api_server();
    void start_api_server();

    std::filesystem::path path(const std::string &name) const { return servers_.path(name); }
    std::string logs() const { return servers_.logs(); } // the last lines of each program's

  private:
    Servers servers_;
};

} // namespace ballast::control_plane
