// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>

// Waiting that can be given up. False: `stop` was asked for.
namespace ballast {

bool wait_for(std::chrono::milliseconds time, const std::stop_token &stop);
// `time`: nanoseconds since 1970, also when the clock is set meanwhile.
bool wait_until(std::int64_t time, const std::stop_token &stop);

// Between one half of it and all of it, so that machines do not ask in step.
std::chrono::milliseconds jittered(std::chrono::milliseconds wait);

} // namespace ballast
