// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <string>

namespace ballast {

// A number that an operator gives in the environment: how often, how long, or the seed of a run that is repeated.
inline std::uint64_t setting(const char *name, std::uint64_t otherwise) {
    const char *value = std::getenv(name); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    return value == nullptr ? otherwise : std::stoull(value);
}

// The directory of programs that Debian does not have, BALLAST_PEERS; one that is not there when none is given.
inline std::filesystem::path given_peers() {
    const char *peers = std::getenv("BALLAST_PEERS"); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    return peers == nullptr ? "/nonexistent" : peers;
}

} // namespace ballast
