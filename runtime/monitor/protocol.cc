// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/protocol.h"

#include <algorithm>

namespace ballast::monitor {

std::string frame_of(Type type, std::string_view payload) {
    std::string bytes;
    bytes.reserve(kFrameHeader + payload.size());
    for (std::size_t i = 0; i < 4; ++i) {
        bytes += static_cast<char>(payload.size() >> (8 * i));
    }
    bytes += static_cast<char>(type);
    bytes += payload;
    return bytes;
}

Result<std::optional<Frame>> FrameReader::next() {
    if (bytes_.size() < kFrameHeader) {
        return std::optional<Frame>();
    }
    std::size_t length = 0;
    for (std::size_t i = 0; i < 4; ++i) {
        length |= std::size_t{static_cast<unsigned char>(bytes_[i])} << (8 * i);
    }
    if (length > kLargestPayload) {
        return fail(EPROTO, "a message of " + std::to_string(length) + " bytes");
    }
    if (bytes_.size() < kFrameHeader + length) {
        return std::optional<Frame>();
    }
    Frame frame{static_cast<Type>(bytes_[4]), bytes_.substr(kFrameHeader, length)};
    bytes_.erase(0, kFrameHeader + length);
    return std::optional(std::move(frame));
}

Result<std::uint16_t> common_version(const Hello &hello) {
    const std::uint16_t version = std::min(hello.newest, kNewestVersion);
    if (version < std::max(hello.oldest, kOldestVersion)) {
        return fail(EPROTO, "no version of the protocol in common: want " + std::to_string(kOldestVersion) + " to " +
                                std::to_string(kNewestVersion) + ", have " + std::to_string(hello.oldest) + " to " +
                                std::to_string(hello.newest));
    }
    return version;
}

} // namespace ballast::monitor
