// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/clean_path.h"

#include <algorithm>

namespace ballast::isolate {

std::string clean_path(std::string_view path) {
    std::string clean;
    for (std::size_t start = 0; start < path.size();) {
        std::size_t end = std::min(path.find('/', start), path.size());
        std::string_view component = path.substr(start, end - start);
        start = end + 1;
        if (component == "..") {
            std::size_t slash = clean.rfind('/');
            clean.resize(slash == std::string::npos ? 0 : slash);
        } else if (!component.empty() && component != ".") {
            clean += clean.empty() ? "" : "/";
            clean += component;
        }
    }
    return clean;
}

} // namespace ballast::isolate
