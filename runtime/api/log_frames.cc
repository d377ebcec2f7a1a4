// SPDX-License-Identifier: Apache-2.0
#include "runtime/api/log_frames.h"

#include <algorithm>
#include <format>

#include "runtime/engine/model_json.h"

namespace ballast::api {
namespace {

// As Go's url.QueryEscape: details must not contain what separates them.
std::string escaped_detail(std::string_view text) {
    std::string result;
    for (const char c : text) {
        const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
                           c == '_' || c == '.' || c == '~';
        result += plain ? std::string(1, c) : c == ' ' ? "+" : std::format("%{:02X}", static_cast<unsigned char>(c));
    }
    return result;
}

} // namespace

std::string frame(Stream stream, std::string_view bytes) {
    const auto size = static_cast<std::uint32_t>(bytes.size());
    std::string framed{static_cast<char>(stream), 0, 0, 0};
    for (const unsigned shift : {24U, 16U, 8U, 0U}) {
        framed += static_cast<char>(size >> shift & 0xffU);
    }
    framed += bytes;
    return framed;
}

std::string log_line(const engine::LogEntry &entry, bool timestamps, bool details) {
    std::string line;
    if (timestamps) {
        line = engine::time_text(entry.time) + " ";
    }
    if (details && !entry.details.empty()) {
        auto sorted = entry.details;
        std::ranges::sort(sorted);
        for (std::size_t place = 0; place < sorted.size(); place++) {
            line += (place == 0 ? "" : ",") + escaped_detail(sorted[place].first) + "=" +
                    escaped_detail(sorted[place].second);
        }
        line += " ";
    }
    return line.append(entry.line);
}

} // namespace ballast::api
