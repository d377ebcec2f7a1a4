// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/number_list.h"

#include <charconv>
#include <climits>
#include <string>

#include "base/quote.h"
#include "base/trimmed.h"

namespace ballast::isolate {
namespace {

constexpr std::size_t kBits = sizeof(unsigned long) * CHAR_BIT;

Result<unsigned> parse_number(std::string_view text, unsigned limit) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::result_out_of_range || (error == std::errc() && number >= limit)) {
        return fail(EINVAL, quote(text) + " is over " + std::to_string(limit - 1));
    }
    if (error != std::errc() || end != text.data() + text.size()) {
        return fail(EINVAL, quote(text) + " is no number");
    }
    return number;
}

Status add_range(std::string_view range, unsigned limit, std::vector<unsigned long> &mask) {
    const std::size_t dash = range.find('-');
    const unsigned first = TRY(parse_number(range.substr(0, dash), limit));
    const unsigned last = dash == std::string_view::npos ? first : TRY(parse_number(range.substr(dash + 1), limit));
    if (last < first) {
        return fail(EINVAL, quote(range) + " ends before it starts");
    }
    if (mask.size() <= last / kBits) {
        mask.resize(last / kBits + 1);
    }
    for (unsigned number = first; number <= last; number++) {
        mask[number / kBits] |= 1UL << (number % kBits);
    }
    return {};
}

} // namespace

Result<std::vector<unsigned long>> parse_number_list(std::string_view list, unsigned limit) {
    std::vector<unsigned long> mask;
    for (std::string_view rest = list; !rest.empty();) {
        const std::size_t comma = rest.find(',');
        const std::string_view range = trimmed(rest.substr(0, comma), " \t");
        rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
        if (!range.empty()) {
            TRY(add_range(range, limit, mask));
        }
    }
    if (mask.empty()) {
        return fail(EINVAL, quote(list) + " names nothing");
    }
    return mask;
}

} // namespace ballast::isolate
