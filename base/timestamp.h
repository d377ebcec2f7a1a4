// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Times as RFC 3339 writes them, in UTC. Times are nanoseconds since 1970 if nothing else is said. Not by strftime(3)
// and gmtime_r(3), which read the time zone's file although UTC has none.
namespace ballast {

enum class Fraction : std::uint8_t { kShortest, kNone, kMicro, kNano }; // kShortest: without zeros at the end
// "2024-05-06T07:08:09.123456789Z"
std::string timestamp(std::int64_t time_ns, Fraction fraction = Fraction::kNano);
void append_timestamp(std::string &to, std::int64_t time_ns, Fraction fraction = Fraction::kShortest);
// With any fraction of up to nine digits, and Z or an offset. Nothing when it is no such time.
std::optional<std::int64_t> parse_timestamp(std::string_view text);         // of the years 1678 to 2261
std::optional<std::int64_t> parse_timestamp_seconds(std::string_view text); // whole seconds since 1970, of any year

// CLOCK_REALTIME.
std::int64_t now_ns();
std::string timestamp_now();

} // namespace ballast
