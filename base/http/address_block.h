// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string_view>

namespace ballast::http {

// An IPv4 or IPv6 address or CIDR block (RFC 4632, RFC 4291): "10.0.0.0/8", "fd00::/8", "127.0.0.1". IPv4 addresses are
// compared in their IPv6-mapped form, so that both spellings are one address.
class AddressBlock {
  public:
    // Nothing for what is no address. Bits behind the prefix are ignored.
    static std::optional<AddressBlock> parse(std::string_view text);
    bool contains(const AddressBlock &other) const;
    bool is_loopback() const;

  private:
    std::array<unsigned char, 16> bytes_{};
    unsigned prefix_ = 128;
};

} // namespace ballast::http
