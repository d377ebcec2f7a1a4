// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ballast::agent {

// As whom an image is pulled; all empty: as nobody.
struct PullCredentials {
    std::string user = {}, password = {};
    std::string identity_token = {}, registry_token = {};
    bool operator==(const PullCredentials &) const = default;
};

} // namespace ballast::agent
