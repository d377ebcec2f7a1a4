// SPDX-License-Identifier: Apache-2.0
#include "base/sysctl_name.h"

namespace ballast {
namespace {

// Where `separator` separates, the two are swapped.
std::string without(char separator, std::string_view name) {
    std::string text(name);
    const std::size_t first = text.find_first_of("./");
    if (first != std::string::npos && text[first] == separator) {
        for (char &character : text) {
            character = character == '.' ? '/' : character == '/' ? '.' : character;
        }
    }
    return text;
}

} // namespace

std::string dotted_sysctl(std::string_view name) { return without('/', name); }

std::string sysctl_path(std::string_view name) { return without('.', name); }

} // namespace ballast
