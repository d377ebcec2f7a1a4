// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/framing.h"

#include <cstdint>

namespace ballast::grpc {
namespace {

constexpr std::size_t kPrefix = 5;
constexpr unsigned kByte = 8;

std::size_t length_in(std::string_view prefix) {
    std::size_t length = 0;
    for (const char c : prefix.substr(1, kPrefix - 1)) {
        length = length << kByte | static_cast<unsigned char>(c);
    }
    return length;
}

} // namespace

std::string message_prefix(std::size_t size) {
    std::string prefix(kPrefix, '\0');
    for (std::size_t place = kPrefix; --place > 0; size >>= kByte) {
        prefix[place] = static_cast<char>(size & 0xff);
    }
    return prefix;
}

Outcome MessageReader::check_prefix() const {
    if (!bytes_.empty() && bytes_[0] != 0) {
        return {Code::kInternal, bytes_[0] == 1 ? "a compressed message without an encoding that was agreed on"
                                                : "a message with unknown flags"};
    }
    if (bytes_.size() >= kPrefix && length_in(bytes_) > largest_) {
        return {Code::kResourceExhausted, "a message of " + std::to_string(length_in(bytes_)) +
                                              " bytes is larger than " + std::to_string(largest_)};
    }
    return {};
}

Outcome MessageReader::feed(std::string_view bytes) {
    bytes_ += bytes;
    return check_prefix();
}

std::optional<std::string> MessageReader::next() {
    if (!check_prefix().ok() || bytes_.size() < kPrefix || bytes_.size() - kPrefix < length_in(bytes_)) {
        return std::nullopt;
    }
    const std::size_t length = length_in(bytes_);
    std::string message = bytes_.substr(kPrefix, length);
    bytes_.erase(0, kPrefix + length);
    return message;
}

} // namespace ballast::grpc
