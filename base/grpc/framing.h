// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "base/grpc/status.h"

// Length-prefixed messages: a flag byte (1: compressed), four bytes of length, the message.
namespace ballast::grpc {

inline constexpr std::size_t kLargestMessage = 16UL << 20; // what the field takes for CRI

// In front of a message of that many bytes, uncompressed.
std::string message_prefix(std::size_t size);

// Takes a stream's bytes as they come and gives its messages.
class MessageReader {
  public:
    explicit MessageReader(std::size_t largest = kLargestMessage) : largest_(largest) {}

    // kResourceExhausted for a message that is too large, kInternal for a flag that says compressed or nothing known:
    // nothing that comes behind it can be read.
    Outcome feed(std::string_view bytes);
    // The next whole message.
    std::optional<std::string> next();
    // Something is there that is not a whole message.
    bool in_the_middle() const { return !bytes_.empty(); }
    std::size_t buffered() const { return bytes_.size(); }

  private:
    Outcome check_prefix() const;
    std::size_t largest_;
    std::string bytes_;
};

} // namespace ballast::grpc
