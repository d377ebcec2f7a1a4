// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// The parts of an HTTP request for a file that need no socket.
namespace ballast::http {

struct Range {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool operator==(const Range &) const = default;
};

enum class RangeKind { kWhole, kPart, kUnsatisfiable };
struct RangeChoice {
    RangeKind kind = RangeKind::kWhole;
    Range range; // what to send; for kUnsatisfiable nothing
};

// What a Range header asks of a file of `size` bytes. A header that is malformed, of another unit or names several
// ranges counts as absent, as RFC 9110 section 14.2 allows.
RangeChoice choose_range(std::string_view header, std::uint64_t size);

// The path inside the served directory: query cut off, percent-decoded, without leading slash. Nothing when the target
// is malformed, holds a NUL or climbs above the root.
std::optional<std::string> path_of_target(std::string_view target);

} // namespace ballast::http
