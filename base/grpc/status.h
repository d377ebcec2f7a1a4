// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

// How calls end, and how the wire of gRPC spells it ("gRPC over HTTP2").
namespace ballast::grpc {

enum class Code {
    kOk = 0,
    kCancelled = 1,
    kUnknown = 2,
    kInvalidArgument = 3,
    kDeadlineExceeded = 4,
    kNotFound = 5,
    kAlreadyExists = 6,
    kPermissionDenied = 7,
    kResourceExhausted = 8,
    kFailedPrecondition = 9,
    kAborted = 10,
    kOutOfRange = 11,
    kUnimplemented = 12,
    kInternal = 13,
    kUnavailable = 14,
    kDataLoss = 15,
    kUnauthenticated = 16,
};

// "NOT_FOUND"
std::string_view name_of(Code code);

struct Outcome {
    Code code = Code::kOk;
    std::string message = {};

    bool ok() const { return code == Code::kOk; }
    bool operator==(const Outcome &) const = default;
};

// The one place where errno-like codes become gRPC's; what has no code of its own is kUnknown, as callers expect of an
// operation that failed.
Outcome outcome_of(const Error &error);
Outcome outcome_of(const Status &status);

// The value of grpc-status. Numbers that no code has are kUnknown, as the specification wants; nothing for what is no
// number.
std::optional<Code> parse_code(std::string_view text);

// grpc-message: UTF-8 with all but printable ASCII, and '%', as %XX. Decoding takes whatever does not decode as it is.
std::string encode_message(std::string_view message);
std::string decode_message(std::string_view encoded);

// grpc-timeout: one to eight digits and a unit (H, M, S, m, u, n). Nothing when it is malformed.
std::optional<std::chrono::nanoseconds> parse_timeout(std::string_view text);
// Rounded up to what eight digits can say.
std::string format_timeout(std::chrono::nanoseconds timeout);

// What a response without grpc-status means, by its HTTP status.
Code code_of_http_status(std::string_view status);

} // namespace ballast::grpc
