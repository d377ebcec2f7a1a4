// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

// The header of a message, RFC 1035 4.1.1: where its numbers are, in network order, and the bits of its flags.
namespace ballast::dns {

inline constexpr std::size_t kFlagsAt = 2, kQuestionsAt = 4, kAnswersAt = 6, kAuthoritiesAt = 8, kAdditionalsAt = 10;
inline constexpr unsigned kIsAnswer = 0x8000, kOpcode = 0x7800, kIsTruncated = 0x0200, kRecursionDesired = 0x0100,
                          kRecursionAvailable = 0x0080, kCheckingDisabled = 0x0010, kCodeMask = 0x000f;

// The message has two bytes at `at`.
inline std::uint16_t number_at(std::string_view message, std::size_t at) {
    return static_cast<std::uint16_t>((static_cast<unsigned char>(message[at]) << 8U) |
                                      static_cast<unsigned char>(message[at + 1]));
}
inline void put_number_at(std::string &message, std::size_t at, unsigned number) {
    message[at] = static_cast<char>(number >> 8U);
    message[at + 1] = static_cast<char>(number);
}
inline void put_number(std::string &message, unsigned number) {
    message += static_cast<char>(number >> 8U);
    message += static_cast<char>(number);
}

} // namespace ballast::dns
