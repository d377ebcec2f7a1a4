// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/api_server/kubeconfig.h"
#include "agent/certificates/certificate_keeper.h"
#include "agent/certificates/certificate_store.h"
#include "base/result.h"

namespace ballast::agent {

// As whom this node asks its API server (TLS bootstrapping, as kubelet does it): as its kubeconfig says; where there is
// none, or its certificate is over, by a certificate that is asked for as the bootstrap kubeconfig says, and for which
// a kubeconfig is written. Certificates are renewed before they are over.
class NodeCredentials {
  public:
    struct Settings {
        std::filesystem::path kubeconfig = {}, bootstrap = {}; // `bootstrap`: empty: there is none
        std::filesystem::path certificates = {};               // kubelet-client-current.pem
        std::string node_name = {};
        bool renews = false;
        KeeperTimes times = {};
    };
    // What is to be used from now on: at once or later, in another thread, and again whenever it is another.
    using Take = std::function<void(ApiAccess)>;

    // ENOENT when there is neither a kubeconfig nor a bootstrap kubeconfig; those of load_kubeconfig().
    static Result<std::unique_ptr<NodeCredentials>> open(Settings settings, Take take);
    NodeCredentials(const NodeCredentials &) = delete;
    NodeCredentials &operator=(const NodeCredentials &) = delete;

  private:
    NodeCredentials(Settings settings, Take take)
        : settings_(std::move(settings)), take_(std::move(take)), store_(settings_.certificates, "kubelet-client") {}
    Status begin();
    std::optional<KeyPair> pair_of(const ApiAccess &access) const;
    CertifiedIdentity identity() const;
    void keep(std::optional<KeyPair> current);
    Result<ApiAccess> asks();
    void take_pair(const KeyPair &pair);

    Settings settings_;
    Take take_;
    CertificateStore store_;
    std::optional<ApiAccess> access_; // what was taken last; nothing: not yet. From here on the keeper's thread's
    ApiAccess asked_;                 // as the bootstrap kubeconfig said last
    bool by_bootstrap_ = false;       // the last request was made so
    std::optional<CertificateKeeper> keeper_;
};

// Who has that access by that certificate, as a kubeconfig (v1) that names the file.
std::string kubeconfig_text(const ApiAccess &access, const std::filesystem::path &certificate);

} // namespace ballast::agent
