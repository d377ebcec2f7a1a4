// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/subprocess.h"

namespace ballast::control_plane {

// Where kube-apiserver, kube-controller-manager and kube-scheduler are: of BALLAST_PEERS, or what `build` made of
// Debian's sources. Nothing: there are none here.
std::optional<std::filesystem::path> programs();

// A real control plane on 127.0.0.1, with certificates of its own, and kubectl. Its ports are fixed: it wants a network
// namespace of its own. Killed on destruction.
class ControlPlane {
  public:
    static constexpr int kPort = 6443;

    // `directory`: for all that it writes. Skips the test where its programs are missing; ready when it returns.
    // `address`: of this host, by which nodes reach the API server, too; empty: from this host alone.
    explicit ControlPlane(std::filesystem::path directory, std::string address = "");

    // A kubeconfig for that name and those groups ("system:nodes"), by a client certificate.
    std::filesystem::path kubeconfig(const std::string &name, const std::string &group = "");
    // `kubectl WORDS...` as an administrator.
    Completed kubectl(std::vector<std::string> words, const std::string &input = "") const;
    // The same, and it must succeed: stdout.
    std::string output_of(std::vector<std::string> words, const std::string &input = "") const;
    void apply(const std::string &documents) const;
    int minor() const; // of its version: 20 for Kubernetes 1.20.2
    // Ends the API server as a power cut would, and starts it again.
    void kill_api_server();
    void start_api_server();

    std::filesystem::path path(const std::string &name) const { return directory_ / name; }
    std::string logs() const; // the last lines of each program's

  private:
    void make_authority();
    // NAME.crt and NAME.key. `names`: a server's, as openssl has them ("IP:127.0.0.1").
    void make_certificate(const std::string &name, const std::string &subject, const std::string &names = "");
    void start(const std::string &name, std::vector<std::string> arguments);

    std::filesystem::path directory_, programs_;
    std::string address_;
    std::vector<Child> children_;
    std::optional<Child> api_server_;
};

} // namespace ballast::control_plane
