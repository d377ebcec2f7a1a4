// SPDX-License-Identifier: Apache-2.0
#include "agent/cri_client/labels.h"

#include "base/digest.h"

namespace ballast::agent::labels {

std::string hash_of(const std::string &name, const std::string &image) {
    constexpr std::size_t kDigits = 8;
    return sha256(name + '\0' + image).substr(0, kDigits);
}

} // namespace ballast::agent::labels
