// SPDX-License-Identifier: Apache-2.0
#include "runtime/monitor/wire.h"

namespace ballast::monitor {

void Encoder::number(std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) {
        bytes_ += static_cast<char>(value >> (8 * i));
    }
}

void Encoder::put(std::string_view text) {
    number(text.size(), sizeof(std::uint32_t));
    bytes_ += text;
}

std::uint64_t Decoder::number(std::size_t size) {
    if (rest_.size() < size) {
        refuse();
        return 0;
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < size; ++i) {
        value |= std::uint64_t{static_cast<unsigned char>(rest_[i])} << (8 * i);
    }
    rest_.remove_prefix(size);
    return value;
}

void Decoder::get(std::string &text) {
    const std::uint64_t size = number(sizeof(std::uint32_t));
    if (size > kLongestText || size > rest_.size()) {
        refuse();
        return;
    }
    text = rest_.substr(0, size);
    rest_.remove_prefix(size);
}

Status Decoder::finish(std::string_view what) const {
    if (failed_ || !rest_.empty()) {
        return fail(EINVAL, std::string(what) + ": is damaged or of another version");
    }
    return {};
}

} // namespace ballast::monitor
