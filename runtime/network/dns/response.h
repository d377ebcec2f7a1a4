// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "runtime/network/dns/message.h"

// Answers of name servers, on their way to a container. Pure.
namespace ballast::dns {

// Whether `response` may be the answer to `query`, as it was sent: the same id, and the same question whatever its
// spelling. An error may come without the question.
bool is_response_to(std::string_view response, std::string_view query);

Code code_of(std::string_view response);

// What a client with room for `limit` bytes gets in place of a longer response: the question, marked as truncated. It
// asks again by TCP.
std::string cut_to(std::string response, std::size_t limit);

} // namespace ballast::dns
