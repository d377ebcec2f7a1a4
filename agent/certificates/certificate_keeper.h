// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <thread>

#include "agent/api_server/kubeconfig.h"
#include "agent/certificates/certificate_store.h"
#include "agent/certificates/signing.h"
#include "agent/certificates/x509.h"

namespace ballast::agent {

struct KeeperTimes {
    SigningTimes signing = {};
    std::chrono::milliseconds first_retry = std::chrono::seconds(2), longest_retry = std::chrono::minutes(1);
};

// When a certificate is asked for anew: after seven to nine tenths of its time, as kubelet does. `share`: from 0 to 1,
// by chance, so that nodes that were made together do not ask together. Nanoseconds since 1970.
std::int64_t renewal_time(const CertificateTimes &times, double share);

// Keeps one certificate good, in a thread of its own: has it signed by the cluster when there is none, when it is over,
// and before it is over; stores it, and tells. What fails is tried again later and later, and what is there holds.
class CertificateKeeper {
  public:
    struct Settings {
        std::string what = {};                        // for messages: "the node's certificate"
        std::function<Signing()> signing = {};        // whom it is for now
        std::function<Result<ApiAccess>()> asks = {}; // as whom it is asked for; by the one that is there, or another
        std::function<void(const KeyPair &)> take = {};
        bool once = false; // it is not renewed
    };

    // `current`: what is there; nothing: it is asked for at once. Functions are called from the keeper's thread.
    CertificateKeeper(CertificateStore store, Settings settings, std::optional<KeyPair> current,
                      KeeperTimes times = {});
    CertificateKeeper(const CertificateKeeper &) = delete;
    CertificateKeeper &operator=(const CertificateKeeper &) = delete;

  private:
    void run(const std::stop_token &stop);
    std::int64_t due() const;
    Status renew(const std::stop_token &stop);

    CertificateStore store_;
    Settings settings_;
    std::optional<KeyPair> current_;
    KeeperTimes times_;
    std::jthread thread_;
};

} // namespace ballast::agent
