// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/retry.h"

#include <algorithm>
#include <charconv>
#include <condition_variable>
#include <ctime>
#include <mutex>
#include <random>
#include <string>

namespace ballast::registry {

using std::chrono::milliseconds;

bool is_temporary(const Failure &failure) {
    constexpr int kTimeout = 408;
    constexpr int kTooMany = 429;
    constexpr int kServerError = 500;
    constexpr int kNotImplemented = 501;
    constexpr int kWrongVersion = 505;
    if (failure.status != 0) {
        return failure.status == kTimeout || failure.status == kTooMany ||
               (failure.status >= kServerError && failure.status != kNotImplemented && failure.status != kWrongVersion);
    }
    constexpr int kCodes[] = {ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH};
    return std::ranges::contains(kCodes, failure.code);
}

std::optional<milliseconds> next_delay(const RetryPolicy &policy, const Failure &failure, unsigned made,
                                       double jitter) {
    if (!is_temporary(failure) || made >= policy.attempts) {
        return std::nullopt;
    }
    if (failure.retry_after) {
        return *failure.retry_after <= policy.longest_retry_after ? failure.retry_after : std::nullopt;
    }
    milliseconds delay = std::min(policy.first_delay, policy.longest_delay);
    for (unsigned doubled = 1; doubled < made && delay < policy.longest_delay; ++doubled) {
        delay = std::min(delay * 2, policy.longest_delay);
    }
    return delay - milliseconds(static_cast<std::int64_t>(static_cast<double>(delay.count()) / 2 *
                                                          std::clamp(jitter, 0.0, 1.0)));
}

std::optional<milliseconds> parse_retry_after(std::string_view header, std::int64_t now) {
    constexpr std::int64_t kLongest = 1'000'000'000;
    std::int64_t seconds = 0;
    const char *last = header.data() + header.size();
    const auto [end, error] = std::from_chars(header.data(), last, seconds);
    if (!header.empty() && error == std::errc() && end == last) {
        return seconds < 0 ? std::nullopt : std::optional(milliseconds(std::min(seconds, kLongest) * 1000));
    }
    std::tm time{};
    const std::string text(header.substr(0, 64));
    const char *rest = ::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &time);
    if (rest == nullptr || *rest != '\0') {
        return std::nullopt;
    }
    return milliseconds(std::clamp<std::int64_t>(::timegm(&time) - now, 0, kLongest) * 1000);
}

double random_jitter() {
    thread_local std::minstd_rand random{std::random_device{}()};
    return std::uniform_real_distribution<double>(0, 1)(random);
}

Status wait(milliseconds time, const std::stop_token &stop) {
    std::mutex mutex;
    std::condition_variable_any never;
    std::unique_lock lock(mutex);
    never.wait_for(lock, stop, time, [] { return false; });
    return stop.stop_requested() ? Status(fail(ECANCELED, "canceled")) : Status();
}

} // namespace ballast::registry
