// SPDX-License-Identifier: Apache-2.0
#include "base/sysctl_name.h"

namespace ballast {

std::string with_separators_swapped(std::string name) {
    for (char &character : name) {
        character = character == '.' ? '/' : character == '/' ? '.' : character;
    }
    return name;
}

std::string dotted_sysctl(std::string_view name) {
    const std::size_t separator = name.find_first_of("./");
    const bool slashes = separator != std::string_view::npos && name[separator] == '/';
    return slashes ? with_separators_swapped(std::string(name)) : std::string(name);
}

} // namespace ballast
