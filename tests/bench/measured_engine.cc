// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/measured_engine.h"

namespace ballast::bench {

Result<Engine> engine_of(const std::string &text) {
    const std::size_t equals = text.find('=');
    std::vector<std::string> parts;
    for (std::size_t at = equals; at != std::string::npos;) {
        const std::size_t comma = text.find(',', at + 1);
        parts.push_back(text.substr(at + 1, comma == std::string::npos ? comma : comma - at - 1));
        at = comma;
    }
    if (parts.size() < 2) {
        return fail(EINVAL, "'" + text + "' is not NAME=SOCKET,PROCESS[,PROCESS]...");
    }
    return Engine{
        .name = text.substr(0, equals), .socket = parts.front(), .processes = {parts.begin() + 1, parts.end()}};
}

} // namespace ballast::bench
