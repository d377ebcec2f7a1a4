// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/number_list.h"

#include <charconv>

#include "base/trimmed.h"

namespace ballast::oci {
namespace {

constexpr std::string_view kBlanks = " \t\n";

std::optional<unsigned> number_of(std::string_view text, unsigned highest) {
    unsigned number = 0;
    text = trimmed(text, kBlanks);
    auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (problem != std::errc() || end != text.data() + text.size() || number > highest) {
        return std::nullopt;
    }
    return number;
}

} // namespace

std::optional<std::string> tidy_number_list(std::string_view text, unsigned highest) {
    std::string result;
    for (bool more = true; more;) {
        std::size_t comma = text.find(',');
        std::string_view item = trimmed(text.substr(0, comma), kBlanks);
        more = comma != std::string_view::npos;
        text.remove_prefix(more ? comma + 1 : text.size());
        if (item.empty()) {
            continue;
        }
        std::size_t dash = item.find('-');
        auto first = number_of(item.substr(0, dash), highest);
        auto last = dash == std::string_view::npos ? first : number_of(item.substr(dash + 1), highest);
        if (!first || !last || *first > *last) {
            return std::nullopt;
        }
        result += result.empty() ? "" : ",";
        result += std::to_string(*first);
        if (dash != std::string_view::npos) {
            result += "-" + std::to_string(*last);
        }
    }
    return result;
}

} // namespace ballast::oci
