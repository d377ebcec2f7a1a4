// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>
#include <string>

#include "agent/api_server/api_server.h"
#include "agent/certificates/x509.h"
#include "base/result.h"

namespace ballast::agent {

// A certificate that the cluster is to sign.
struct Signing {
    std::string signer = {}; // "kubernetes.io/kubelet-serving"
    std::string usage = {};  // "server auth", "client auth"
    CertifiedIdentity identity = {};
};

struct SigningTimes {
    std::chrono::milliseconds first_wait = std::chrono::seconds(1), longest_wait = std::chrono::seconds(15);
    std::chrono::milliseconds patience = std::chrono::minutes(15); // kubelet's
};

// What the request is called: the same key for the same identity goes on with the request that is there.
Result<std::string> signing_name(const Signing &signing, const std::string &key);

// Asks for a certificate by a CertificateSigningRequest (certificates.k8s.io/v1) and waits, looking less and less
// often, until somebody has approved and signed it: the certificate, PEM, for that key.
//   EKEYREJECTED  it was denied, or cannot be signed; with the same key it would be denied again
//   ETIMEDOUT     nobody has approved it; who asks again with the same key goes on waiting
//   ECANCELED     `stop` was asked for
// and those of ApiServer, which are not tried again here.
Result<std::string> ask_for_certificate(ApiServer &server, const Signing &signing, const std::string &key,
                                        const SigningTimes &times, const std::stop_token &stop);

} // namespace ballast::agent
