// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "runtime/engine/engine.h"

namespace ballast::api {

// Docker's 8-byte header in front of each piece of a multiplexed stream: who wrote it and how much (big-endian).
enum class Stream : unsigned char { kOutput = 1, kError = 2 };
std::string frame(Stream stream, std::string_view bytes);

// A line of a log as `docker logs` prints it: time and details in front where they are wanted.
std::string log_line(const engine::LogEntry &entry, bool timestamps, bool details);

} // namespace ballast::api
