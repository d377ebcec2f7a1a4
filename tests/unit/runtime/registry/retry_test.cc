// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/retry.h"

#include <thread>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::registry;
using namespace std::chrono_literals;

TEST_CASE("what a moment changes is tried again, what was decided is not", "[registry]") {
    for (const int status : {408, 429, 500, 502, 503, 504, 599}) {
        CAPTURE(status);
        CHECK(is_temporary({.status = status}));
    }
    for (const int status : {200, 301, 400, 401, 403, 404, 413, 416, 501, 505}) {
        CAPTURE(status);
        CHECK_FALSE(is_temporary({.status = status}));
    }
    for (const int code : {ECONNRESET, ETIMEDOUT, ECONNREFUSED, EHOSTUNREACH}) {
        CHECK(is_temporary({.code = code}));
    }
    for (const int code : {0, ECANCELED, EKEYREJECTED, EPROTO, EFBIG, ENOSPC, EBADMSG, EINVAL}) {
        CAPTURE(code);
        CHECK_FALSE(is_temporary({.code = code}));
    }
}

TEST_CASE("waits double up to the longest, and jitter takes up to half of them", "[registry]") {
    const RetryPolicy policy{.attempts = 10, .first_delay = 1s, .longest_delay = 30s};
    const Failure failure{.status = 503};
    const auto delay = [&](unsigned made, double jitter) { return next_delay(policy, failure, made, jitter); };
    CHECK(delay(1, 0) == 1s);
    CHECK(delay(2, 0) == 2s);
    CHECK(delay(3, 0) == 4s);
    CHECK(delay(5, 0) == 16s);
    CHECK(delay(6, 0) == 30s);
    CHECK(delay(9, 0) == 30s);
    CHECK(delay(1, 1) == 500ms);
    CHECK(delay(6, 0.5) == 22'500ms);
    CHECK(delay(1, 7) == 500ms);
    CHECK(delay(10, 0) == std::nullopt);
    CHECK(next_delay(policy, {.status = 404}, 1, 0) == std::nullopt);
}

TEST_CASE("a server's own wish is kept to, unless it is unreasonable", "[registry]") {
    const RetryPolicy policy;
    CHECK(next_delay(policy, {.status = 429, .retry_after = 7s}, 1, 1) == 7s);
    CHECK(next_delay(policy, {.status = 429, .retry_after = 0s}, 1, 1) == 0s);
    CHECK(next_delay(policy, {.status = 429, .retry_after = 3600s}, 1, 1) == std::nullopt);
    CHECK(next_delay(policy, {.status = 404, .retry_after = 1s}, 1, 1) == std::nullopt);
}

TEST_CASE("Retry-After is seconds or a date", "[registry]") {
    CHECK(parse_retry_after("120", 0) == 120s);
    CHECK(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 946684790) == 9s);
    CHECK(parse_retry_after("Fri, 31 Dec 1999 23:59:59 GMT", 946684800) == 0s);
    CHECK(parse_retry_after("99999999999999999", 0).value_or(0s) == 1'000'000'000s);
    for (const char *text : {"", "-1", "1.5", "soon", "12 ", "Fri, 31 Dec 1999 23:59:59 CET", "99999999999999999999"}) {
        CAPTURE(text);
        CHECK(parse_retry_after(text, 0) == std::nullopt);
    }
}

TEST_CASE("a wait ends when it is told to", "[registry]") {
    std::stop_source stop;
    CHECK(wait(1ms, stop.get_token()).has_value());
    const std::jthread other([&] { stop.request_stop(); });
    CHECK(wait(1h, stop.get_token()).error().code == ECANCELED);
}
