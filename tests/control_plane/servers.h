// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/subprocess.h"

namespace ballast::control_plane {

// What BALLAST_PEERS has of Kubernetes; need not be there.
std::filesystem::path newer_programs();
// Where kube-apiserver, kube-controller-manager and kube-scheduler are: of BALLAST_PEERS, or what `build` made of
// Debian's sources. Nothing: there are none here.
std::optional<std::filesystem::path> programs();
inline constexpr const char *kNoPrograms =
    "there is no control plane to join: tests/control_plane/build has not made one, and BALLAST_PEERS has none";

// etcd, kube-apiserver, kube-controller-manager and kube-scheduler as processes of ours, with certificates of their
// own. Their ports are fixed. Killed on destruction.
class Servers {
  public:
    static constexpr int kPort = 6443;

    struct Options {
        std::filesystem::path directory; // for all that they write; made when it is not there
        std::string bind = "127.0.0.1";  // where the API server listens
        std::string name = {};           // a further address that its certificate is for; empty: none
    };
    // Ready for pods when it returns. Errors carry the programs' last lines; ETIMEDOUT: they do not come up.
    static Result<Servers> start(Options options);

    // A kubeconfig for that name and those groups ("system:nodes"), by a client certificate.
    Result<std::filesystem::path> kubeconfig(const std::string &name, const std::string &group = "") const;
    // `kubectl WORDS...` as an administrator.
    Result<Completed> kubectl(std::vector<std::string> words, const std::string &input = "") const;
    // Ends the API server as a power cut would, and starts it again.
    Status kill_api_server();
    Status start_api_server();

    std::filesystem::path path(const std::string &file) const { return options_.directory / file; }
    std::string logs() const; // the last lines of each program's

  private:
    Servers(Options options, std::filesystem::path programs)
        : options_(std::move(options)), programs_(std::move(programs)) {}
    Status start_all();
    Status start_store();
    Status start_controllers();
    Status wait_for_accounts() const;
    Status make_authority() const;
    // NAME.crt and NAME.key. `names`: a server's, as openssl has them ("IP:127.0.0.1").
    Status make_certificate(const std::string &name, const std::string &subject, const std::string &names = "") const;
    Status run_beside(const std::string &name, std::vector<std::string> arguments);

    Options options_;
    std::filesystem::path programs_;
    std::vector<Child> children_;
    std::optional<Child> api_server_;
};

} // namespace ballast::control_plane
