// SPDX-License-Identifier: Apache-2.0
#include "base/http/range.h"

#include <algorithm>
#include <charconv>

#include "base/http/target.h"

namespace ballast::http {
namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

} // namespace

RangeChoice choose_range(std::string_view header, std::uint64_t size) {
    constexpr std::string_view kUnit = "bytes=";
    const RangeChoice whole{RangeKind::kWhole, {0, size}};
    const RangeChoice unsatisfiable{RangeKind::kUnsatisfiable, {}};
    const std::size_t dash = header.find('-');
    if (!header.starts_with(kUnit) || header.contains(',') || dash == std::string_view::npos) {
        return whole;
    }
    const std::string_view before = header.substr(kUnit.size(), dash - kUnit.size());
    const std::string_view after = header.substr(dash + 1);
    const std::optional<std::uint64_t> first = number(before);
    const std::optional<std::uint64_t> last = number(after);
    if (before.empty() && last) { // the last N bytes
        const std::uint64_t count = std::min(*last, size);
        return count == 0 ? unsatisfiable : RangeChoice{RangeKind::kPart, {size - count, count}};
    }
    if (!first || (!after.empty() && (!last || *last < *first))) {
        return whole;
    }
    if (*first >= size) {
        return unsatisfiable;
    }
    const std::uint64_t end = last ? std::min(*last, size - 1) : size - 1;
    return {RangeKind::kPart, {*first, end - *first + 1}};
}

std::optional<std::string> path_of_target(std::string_view target) {
    const std::optional<std::string> path = percent_decoded(target.substr(0, target.find_first_of("?#")));
    if (!path || !path->starts_with('/')) {
        return std::nullopt;
    }
    int depth = 0;
    for (std::size_t start = 0; start < path->size();) {
        const std::size_t end = std::min(path->find('/', start), path->size());
        const std::string_view part = std::string_view(*path).substr(start, end - start);
        depth += part == ".." ? -1 : (part.empty() || part == "." ? 0 : 1);
        if (depth < 0) {
            return std::nullopt;
        }
        start = end + 1;
    }
    return path->substr(std::min(path->find_first_not_of('/'), path->size()));
}

} // namespace ballast::http
