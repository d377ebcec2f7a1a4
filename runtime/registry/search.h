// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/registry/credentials.h"
#include "runtime/registry/registry_settings.h"

namespace ballast::registry {

struct SearchResult {
    std::string name;
    std::string description;
    std::uint64_t stars = 0;
    bool is_official = false;
    bool is_automated = false;
};

// GET /images/search. `term` may begin with a registry's name; docker.io otherwise. `limit` from 1 to 100. Only few
// registries can be searched: ENOTSUP with a sentence that says so for the others.
Result<std::vector<SearchResult>> search(const RegistrySettings &settings, const std::string &term, unsigned limit,
                                         const Credentials &credentials, std::stop_token stop = {});

} // namespace ballast::registry
