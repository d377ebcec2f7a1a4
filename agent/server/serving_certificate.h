// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "agent/certificates/certificate_keeper.h"
#include "base/result.h"

namespace ballast::agent {

// PEM files; may be the same.
struct ServingCertificate {
    std::filesystem::path certificate, key;
};

// kubelet.crt and kubelet.key in `directory`: those that are there, or else a certificate for `name` and `addresses`
// that its own key signs (ECDSA, P-256), good for a year. One that is over, or is not its key's, is made anew.
Result<ServingCertificate> own_certificate(const std::filesystem::path &directory, const std::string &name,
                                           const std::vector<std::string> &addresses);

// kubelet-server-current.pem in `directory`: one that the cluster signs (serverTLSBootstrap), and that is renewed.
class SignedCertificate {
  public:
    // `signing`: for whom; `asks`: as whom. Both are called from the keeper's thread.
    SignedCertificate(const std::filesystem::path &directory, std::function<Signing()> signing,
                      std::function<Result<ApiAccess>()> asks, KeeperTimes times = {});

    // What there is when it begins; nothing: it has yet to be signed.
    std::optional<ServingCertificate> current() const;
    // From now on it is asked for and renewed; `take` is told of each, from another thread.
    void keep(std::function<void(const ServingCertificate &)> take);

  private:
    ServingCertificate files() const;

    CertificateStore store_;
    std::function<Signing()> signing_;
    std::function<Result<ApiAccess>()> asks_;
    KeeperTimes times_;
    std::optional<KeyPair> current_;
    std::optional<CertificateKeeper> keeper_;
};

} // namespace ballast::agent
