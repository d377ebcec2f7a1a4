// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string_view>

namespace ballast::container_log {

enum class Stream : std::uint8_t { kStdout = 1, kStderr = 2 };

// Lines are cut after so many bytes, as docker does.
inline constexpr std::size_t kLongestLine = 16UL << 10;

// One line of a container's output, or a part of a long one.
struct Line {
    Stream stream = Stream::kStdout;
    std::int64_t time_ns = 0;   // since 1970; of all parts: when the first was read
    std::string_view text = {}; // without its line end
    bool ended = true;          // a line end followed; otherwise the next part does, or the stream has ended
    std::uint32_t part = 0;     // 0: a line in one piece; otherwise which of its parts, from 1 on
    std::uint64_t line = 0;     // the same number for all parts of a line
};

} // namespace ballast::container_log
