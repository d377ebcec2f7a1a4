// SPDX-License-Identifier: Apache-2.0
#include "base/grpc/status.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdint>
#include <utility>

namespace ballast::grpc {
namespace {

constexpr std::array<std::string_view, 17> kNames = {
    "OK",        "CANCELLED",      "UNKNOWN",           "INVALID_ARGUMENT",   "DEADLINE_EXCEEDED",
    "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION",
    "ABORTED",   "OUT_OF_RANGE",   "UNIMPLEMENTED",     "INTERNAL",           "UNAVAILABLE",
    "DATA_LOSS", "UNAUTHENTICATED"};

constexpr std::size_t kLongestMessage = 8UL << 10; // a header block has to hold it

constexpr std::array<std::pair<char, std::int64_t>, 6> kUnits = {{
    {'n', 1},
    {'u', 1'000},
    {'m', 1'000'000},
    {'S', 1'000'000'000},
    {'M', 60'000'000'000},
    {'H', 3'600'000'000'000},
}};
constexpr std::int64_t kMostDigits = 99'999'999; // eight of them

Code code_of_errno(int number) {
    switch (number) {
    case EINVAL:
    case ENAMETOOLONG:
        return Code::kInvalidArgument;
    case ENOENT:
        return Code::kNotFound;
    case EEXIST:
        return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
        return Code::kPermissionDenied;
    case EKEYREJECTED:
        return Code::kUnauthenticated;
    case EBUSY:
    case ENOTEMPTY:
        return Code::kFailedPrecondition;
    case ENOSPC:
    case EDQUOT:
    case ENOMEM:
    case EFBIG:
    case EOVERFLOW:
    case EMFILE:
        return Code::kResourceExhausted;
    case ETIMEDOUT:
        return Code::kDeadlineExceeded;
    case ECANCELED:
        return Code::kCancelled;
    case ENOTSUP:
    case ENOSYS:
        return Code::kUnimplemented;
    case ERANGE:
        return Code::kOutOfRange;
    case ECONNREFUSED:
    case ECONNRESET:
    case EHOSTUNREACH:
    case EAGAIN:
        return Code::kUnavailable;
    default:
        return Code::kUnknown;
    }
}

} // namespace

std::string_view name_of(Code code) { return kNames.at(static_cast<std::size_t>(code)); }

Outcome outcome_of(const Error &error) { return {code_of_errno(error.code), error.message}; }

Outcome outcome_of(const Status &status) { return status.has_value() ? Outcome{} : outcome_of(status.error()); }

std::optional<Code> parse_code(std::string_view text) {
    unsigned number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error == std::errc::invalid_argument || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return error == std::errc() && number < kNames.size() ? static_cast<Code>(number) : Code::kUnknown;
}

std::string encode_message(std::string_view message) {
    constexpr std::string_view kDigits = "0123456789ABCDEF";
    std::string encoded;
    for (const char c : message) {
        if (encoded.size() >= kLongestMessage) {
            break;
        }
        if (c >= ' ' && c <= '~' && c != '%') {
            encoded += c;
            continue;
        }
        const auto byte = static_cast<unsigned char>(c);
        encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
    }
    return encoded;
}

std::string decode_message(std::string_view encoded) {
    std::string message;
    while (!encoded.empty()) {
        constexpr std::size_t kEscape = 3;
        constexpr int kHexadecimal = 16;
        if (encoded.front() == '%' && encoded.size() >= kEscape) {
            unsigned char byte = 0;
            const char *const end = encoded.data() + kEscape;
            if (std::from_chars(encoded.data() + 1, end, byte, kHexadecimal).ptr == end) {
                message += static_cast<char>(byte);
                encoded.remove_prefix(kEscape);
                continue;
            }
        }
        message += encoded.front();
        encoded.remove_prefix(1);
    }
    return message;
}

std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text) {
    constexpr std::size_t kLongest = 9;
    if (text.size() < 2 || text.size() > kLongest) {
        return std::nullopt;
    }
    const auto *unit = std::ranges::find(kUnits, text.back(), &decltype(kUnits)::value_type::first);
    text.remove_suffix(1);
    if (unit == kUnits.end() || !std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; })) {
        return std::nullopt;
    }
    std::int64_t number = 0;
    std::from_chars(text.data(), text.data() + text.size(), number);
    // Eight digits of hours are more than nanoseconds can count.
    constexpr std::int64_t kLongestWait = std::chrono::nanoseconds(std::chrono::years(100)).count();
    return std::chrono::nanoseconds(number > kLongestWait / unit->second ? kLongestWait : number * unit->second);
}

std::string format_timeout(std::chrono::nanoseconds timeout) {
    const std::int64_t count = std::max<std::int64_t>(timeout.count(), 1);
    for (const auto &[unit, size] : kUnits) {
        const std::int64_t rounded = count / size + (count % size == 0 ? 0 : 1);
        if (rounded <= kMostDigits) {
            return std::to_string(rounded) + unit;
        }
    }
    return std::to_string(kMostDigits) + kUnits.back().first;
}

Code code_of_http_status(std::string_view status) {
    if (status == "400") {
        return Code::kInternal;
    }
    if (status == "401") {
        return Code::kUnauthenticated;
    }
    if (status == "403") {
        return Code::kPermissionDenied;
    }
    if (status == "404") {
        return Code::kUnimplemented;
    }
    return status == "429" || status == "502" || status == "503" || status == "504" ? Code::kUnavailable
                                                                                    : Code::kUnknown;
}

} // namespace ballast::grpc
