// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// RFC 3339 in UTC, as logs have it. Times are nanoseconds since 1970.
namespace ballast::container_log {

enum class Fraction : std::uint8_t { kShortest, kNone, kMicro, kNano }; // kShortest: without zeros at the end
// "2024-05-06T07:08:09.123456789Z"
void append_timestamp(std::string &to, std::int64_t time_ns, Fraction fraction = Fraction::kShortest);
// With any fraction of up to nine digits, and Z or an offset. Nothing when it is no such time.
std::optional<std::int64_t> parse_timestamp(std::string_view text);

// CLOCK_REALTIME.
std::int64_t now_ns();

} // namespace ballast::container_log
