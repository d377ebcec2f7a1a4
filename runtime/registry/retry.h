// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include "base/result.h"

// When a failed request is worth another try, and how long to wait for it.
namespace ballast::registry {

struct RetryPolicy {
    unsigned attempts = 5;                       // in all; one that moved data starts the count anew
    std::chrono::milliseconds first_delay{1000}; // doubles each time
    std::chrono::milliseconds longest_delay{30'000};
    std::chrono::milliseconds longest_retry_after{120'000}; // a server that wants more is not waited for
};

// What came of an attempt.
struct Failure {
    int code = 0;   // of an Error, when there was no response
    int status = 0; // of the response
    std::optional<std::chrono::milliseconds> retry_after = {};
};

// Connections that broke, did not come about or stood still; 408, 429 and 5xx apart from 501 and 505. Whoever refuses,
// does not know a name or has a wrong certificate will do so again.
bool is_temporary(const Failure &failure);

// The wait before attempt number `made` + 1; nothing: give up. `jitter` from 0 to 1 takes up to half of the delay away,
// so that many clients do not come back at once. A Retry-After is kept to exactly, never shortened.
std::optional<std::chrono::milliseconds> next_delay(const RetryPolicy &policy, const Failure &failure, unsigned made,
                                                    double jitter);

// Seconds or an HTTP date (RFC 9110 section 10.2.3); `now` in seconds since 1970. Nothing when malformed.
std::optional<std::chrono::milliseconds> parse_retry_after(std::string_view header, std::int64_t now);

// A number for `jitter`.
double random_jitter();

// ECANCELED when `stop` comes first.
Status wait(std::chrono::milliseconds time, const std::stop_token &stop);

} // namespace ballast::registry
