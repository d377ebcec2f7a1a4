// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdio>

#include "base/result.h"

namespace ballast::bench {

// The exit status of a program that measures; what it failed by goes to stderr.
inline int exit_status_of(const Status &outcome) {
    if (outcome.has_value()) {
        return 0;
    }
    std::fprintf(stderr, "error: %s\n", outcome.error().message.c_str());
    return 1;
}

} // namespace ballast::bench
