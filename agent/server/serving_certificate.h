// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace ballast::agent {

// PEM files.
struct ServingCertificate {
    std::filesystem::path certificate, key;
};

// kubelet.crt and kubelet.key in `directory`: those that are there, or else a certificate for `name` and `addresses`
// that its own key signs (ECDSA, P-256), good for a year. One that is over, or is not its key's, is made anew.
Result<ServingCertificate> own_certificate(const std::filesystem::path &directory, const std::string &name,
                                           const std::vector<std::string> &addresses);

} // namespace ballast::agent
