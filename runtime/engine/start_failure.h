// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "runtime/engine/model.h"

namespace ballast::engine {

inline constexpr int kNotStarted = 128; // the exit code of a container whose program was never reached

struct FailedProgram {
    std::string name = {};
    int code = kNotStarted; // 126, 127: its program cannot be executed, or is not there
    std::string message = {};
};

// What ballast-oci said, in the words that clients look for to tell 126 and 127 from others.
FailedProgram describe_failure(const Snapshot &container, const std::string &said);

} // namespace ballast::engine
