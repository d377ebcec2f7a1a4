// SPDX-License-Identifier: Apache-2.0
#include "base/http/address_block.h"

#include <algorithm>
#include <arpa/inet.h>
#include <charconv>
#include <string>

namespace ballast::http {

std::optional<AddressBlock> AddressBlock::parse(std::string_view text) {
    constexpr unsigned kMapped = 96; // bits in front of an IPv4 address in its IPv6 form
    AddressBlock block;
    const std::size_t slash = text.find('/');
    const std::string address(text.substr(0, slash));
    in_addr four{};
    unsigned longest = 128;
    unsigned shift = 0;
    if (inet_pton(AF_INET, address.c_str(), &four) == 1) {
        const auto *bytes = reinterpret_cast<const unsigned char *>(&four);
        block.bytes_[10] = block.bytes_[11] = 0xff;
        std::copy_n(bytes, 4, block.bytes_.begin() + 12);
        longest = 32;
        shift = kMapped;
    } else if (inet_pton(AF_INET6, address.c_str(), block.bytes_.data()) != 1) {
        return std::nullopt;
    }
    block.prefix_ = longest + shift;
    if (slash != std::string_view::npos) {
        unsigned prefix = 0;
        const char *last = text.data() + text.size();
        const auto [end, error] = std::from_chars(text.data() + slash + 1, last, prefix);
        if (error != std::errc() || end != last || prefix > longest) {
            return std::nullopt;
        }
        block.prefix_ = prefix + shift;
    }
    return block;
}

bool AddressBlock::contains(const AddressBlock &other) const {
    if (other.prefix_ < prefix_) {
        return false;
    }
    const unsigned whole = prefix_ / 8;
    const unsigned rest = prefix_ % 8;
    if (!std::equal(bytes_.begin(), bytes_.begin() + whole, other.bytes_.begin())) {
        return false;
    }
    return rest == 0 || ((bytes_[whole] ^ other.bytes_[whole]) >> (8 - rest)) == 0;
}

bool AddressBlock::is_loopback() const {
    return parse("127.0.0.0/8")->contains(*this) || parse("::1")->contains(*this);
}

} // namespace ballast::http
