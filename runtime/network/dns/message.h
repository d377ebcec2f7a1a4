// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "runtime/network/address.h"

// Messages of the Domain Name System as bytes: RFC 1035, with EDNS(0) of RFC 6891. Pure. Only what stands between a
// container and its name servers: queries are read, answers about containers are written, all else passes unread.
namespace ballast::dns {

inline constexpr std::size_t kHeaderSize = 12;
inline constexpr std::size_t kPlainLimit = 512;  // of an answer by UDP, to those who say nothing else
inline constexpr std::size_t kOurLimit = 4096;   // by UDP, whatever is asked for
inline constexpr std::size_t kLargest = 65535;   // by TCP
inline constexpr std::uint32_t kTimeToLive = 5;  // seconds: containers come and go
inline constexpr std::size_t kLongestName = 255; // with lengths and the root, as on the wire
inline constexpr std::size_t kLongestLabel = 63;

enum Type : std::uint16_t { kA = 1, kPtr = 12, kAaaa = 28, kOpt = 41, kAny = 255 };
enum Class : std::uint16_t { kInternet = 1, kAnyClass = 255 };
enum class Code : std::uint16_t {
    kNoError = 0,
    kFormatError = 1,
    kServerFailure = 2,
    kNameError = 3,
    kNotImplemented = 4,
    kRefused = 5,
    kBadVersion = 16
};

struct Query {
    std::uint16_t id = 0;
    bool recursion_desired = false, checking_disabled = false;
    // In lower case, labels joined by dots, without the root's; empty: the root. A label with bytes that a host's name
    // cannot have (a dot, too) has them as \DDD, so that it is nobody's name.
    std::string name = {};
    std::uint16_t type = 0, of_class = kInternet;
    std::string question = {}; // the bytes: name as it was spelled, type, class
    bool edns = false, dnssec_ok = false;
    std::size_t udp_limit = kPlainLimit; // 512 to kOurLimit
};

// What is no query that can be answered: the message that says so, or nothing when there is nobody to tell (an answer,
// less than a header).
struct Unanswerable {
    std::optional<std::string> reply = {};
};

// Exactly one question of the opcode QUERY; every record behind it is well-formed, one OPT at most, of version 0.
std::expected<Query, Unanswerable> read_query(std::string_view message);

using network::Address;
// "1.0.0.10.in-addr.arpa", RFC 1035 3.5 and RFC 3596 2.5.
std::string reverse_name(const Address &address);
std::string lower_case(std::string_view text);

// What an answer holds about the question's name: an address of it, or (std::string) the name that it points to.
using Record = std::variant<Address, std::string>;

// At most `limit` bytes: records that have no room are left out, and the answer says that it is truncated.
std::string write_response(const Query &query, Code code, std::span<const Record> records, std::size_t limit);

} // namespace ballast::dns
