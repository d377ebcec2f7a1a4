// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace ballast::isolate {

// In the parent: hands `listener` to the agent that listens at `path`, with the container process state (JSON) of the
// specification, metadata included. ETIMEDOUT when the agent takes neither for 10 seconds.
Status send_seccomp_listener(BorrowedFd listener, const std::filesystem::path &path, const std::string &process_state);

} // namespace ballast::isolate
