// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace ballast {

inline constexpr std::size_t kLargestJson = 8UL << 20; // bytes of text
inline constexpr unsigned kDeepestJson = 64;           // arrays and objects around a value
inline constexpr std::size_t kMostJsonValues = 1UL << 18;

// A JSON text (RFC 8259) as a flat list: two allocations for a whole config.json, where a tree of nodes would make one
// for nearly every value. A node's first child follows it; `next` leads past all that it holds, to its sibling. Texts
// are decoded, so they may hold NUL; numbers are exact.
class JsonTree {
  public:
    using Place = std::uint32_t;

    enum class Kind : std::uint8_t { kNull, kFalse, kTrue, kUnsigned, kNegative, kFraction, kText, kArray, kObject };

    struct Slice { // of the decoded texts
        std::uint32_t offset;
        std::uint32_t size;
    };

    struct Node {
        Slice name{}; // in an object
        union {
            std::uint64_t number = 0; // kUnsigned; kNegative as two's complement
            Slice text;               // kText; kFraction as it was spelled (that of a whole number beyond 64 bits, too)
        };
        Place next = 0;
        Kind kind = Kind::kNull;
    };

    // EINVAL with line and column for what is not JSON, nests deeper than kDeepestJson or has over kMostJsonValues
    // values; EFBIG for text over kLargestJson. Messages start with `name`.
    static Result<JsonTree> parse(std::string_view text, const std::string &name);

    static constexpr Place kRoot = 0;
    const Node &node(Place place) const { return nodes_[place]; }
    std::string_view text(Slice slice) const { return std::string_view(texts_).substr(slice.offset, slice.size); }
    bool is_container(Place place) const { return nodes_[place].kind >= Kind::kArray; }
    // Those who walk its children start here and go on by `next` until `node(parent).next`.
    Place first_child(Place parent) const { return parent + 1; }

    // "linux.resources.devices[2].major"; names that are not plain words stand in brackets and quotes. Empty: the root.
    std::string path(Place place) const;
    // For messages: the value itself when it is short, or what it is.
    std::string shown(Place place) const;

  private:
    friend class JsonTreeBuilder;
    std::vector<Node> nodes_;
    std::string texts_;
};

// `path` with a member's name.
std::string json_member_path(std::string path, std::string_view member);
// In quotes, safe to print, and cut when long.
std::string shortly_quoted(std::string_view text);

} // namespace ballast
