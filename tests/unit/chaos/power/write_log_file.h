// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

// A log of writes, made by hand.
namespace ballast::power {

inline constexpr std::uint64_t kFlushFlag = 1, kFuaFlag = 2, kDiscardFlag = 4, kMarkFlag = 8;

struct Written {
    std::uint64_t sector = 0;
    std::string data = {}; // whole sectors of 512 bytes
    std::uint64_t flags = 0;
    std::uint64_t sectors = 0; // of a discard
    std::string mark = {};
};

inline std::string number(std::uint64_t value, std::size_t bytes = 8) {
    std::string text;
    for (; bytes > 0; bytes--, value >>= 8) {
        text += static_cast<char>(value & 0xff);
    }
    return text;
}

inline std::string log_of(const std::vector<Written> &requests) {
    constexpr std::size_t kSector = 512;
    std::string log = number(0x6a736677736872) + number(1) + number(requests.size()) + number(kSector, 4);
    log.resize(kSector, '\0');
    for (const Written &request : requests) {
        std::string entry = number(request.sector) +
                            number(request.sectors != 0 ? request.sectors : request.data.size() / kSector) +
                            number(request.flags) + number(request.mark.size()) + request.mark;
        entry.resize(kSector, '\0');
        log += entry + request.data;
    }
    return log;
}

inline std::string sector(char character) { return std::string(512, character); }

} // namespace ballast::power
