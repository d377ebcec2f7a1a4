// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

// Text from outside, made safe to print: it can neither steer a terminal nor pose as another message.
namespace ballast {

// Control characters and what is not well-formed UTF-8 (RFC 3629) as C escapes.
std::string escaped(std::string_view text);
// The same in double quotes, with quotes and backslashes escaped, too.
std::string quote(std::string_view text);

} // namespace ballast
