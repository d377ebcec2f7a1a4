// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

// The keys that end an attached client and nothing else, in docker's syntax: single characters and ctrl-X (X: a letter
// or one of @ [ \ ] ^ _), separated by commas: "ctrl-p,ctrl-q", "a,b".
namespace ballast::monitor {

inline constexpr std::string_view kDefaultDetachKeys = "\x10\x11"; // ctrl-p,ctrl-q
inline constexpr std::size_t kMostDetachKeys = 64;

// The bytes that the keys send. EINVAL: `Unknown character: 'ctrl-1'`. Empty text: no keys.
Result<std::string> parse_detach_keys(std::string_view text);

// Watches what a client types. Keys that may be the start of the sequence are held back until it is clear.
class DetachFilter {
  public:
    explicit DetachFilter(std::string keys) : keys_(std::move(keys)) {}
    // Appends what goes to the program to `passed`. True when the sequence is complete; what follows it is dropped.
    bool feed(std::string_view typed, std::string &passed);
    // What is held back, at the end of the input.
    std::string take_rest();

  private:
    std::string keys_;
    std::size_t matched_ = 0;
};

} // namespace ballast::monitor
