// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"

// Keys, certificates (X.509 v3, RFC 5280) and requests for them (PKCS #10, RFC 2986), all of them PEM texts.
namespace ballast::agent {

// Whom a certificate is for.
struct CertifiedIdentity {
    std::string organization = {};                       // empty: none
    std::string common_name = {};                        // cut at 64 bytes, as a certificate holds no more
    std::vector<std::string> names = {}, addresses = {}; // of a server: DNS, IP
};

// ECDSA, P-256.
Result<std::string> new_key();
// Its other half, which may be told. EINVAL when the text holds no key.
Result<std::string> public_half(const std::string &key);

// To be signed by somebody else.
Result<std::string> signing_request(const std::string &key, const CertifiedIdentity &identity);
// A server's, signed by its own key; good from five minutes ago (of clocks that are behind ours) on.
Result<std::string> self_signed(const std::string &key, const CertifiedIdentity &identity, std::chrono::seconds good);

struct CertificateTimes {
    std::int64_t from = 0, until = 0; // nanoseconds since 1970
};
// Of the first certificate in the text. EINVAL when there is none.
Result<CertificateTimes> times_of_certificate(const std::string &certificate);
// The first certificate in the text is of that key.
bool belong_together(const std::string &certificate, const std::string &key);
// It has that common name, and all of these names and addresses.
bool is_certificate_for(const std::string &certificate, const CertifiedIdentity &identity);

} // namespace ballast::agent
