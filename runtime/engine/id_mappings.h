// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "runtime/oci/spec.h"

namespace ballast::engine {

// Which ids of the host those of a container are (user_namespaces(7)). None: it is in the host's user namespace.
struct IdMappings {
    std::vector<oci::IdMapping> uids = {}, gids = {};

    bool given() const { return !uids.empty(); }
    bool operator==(const IdMappings &) const = default;
};

} // namespace ballast::engine
