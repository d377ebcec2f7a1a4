// SPDX-License-Identifier: Apache-2.0
#include "runtime/cni/names.h"

#include <algorithm>
#include <cstddef>

namespace ballast::cni {
namespace {

constexpr std::size_t kLongestName = 128;
constexpr std::size_t kLongestInterface = 15;

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

} // namespace

bool is_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestName && is_letter_or_digit(text.front()) &&
           std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '_' || c == '.' || c == '-'; });
}

bool is_interface_name(std::string_view text) {
    return !text.empty() && text.size() <= kLongestInterface && text != "." && text != ".." &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~' && c != '/' && c != ':'; });
}

bool is_plugin_type(std::string_view text) { return is_name(text); }

} // namespace ballast::cni
