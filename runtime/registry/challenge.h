// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace ballast::registry {

// One way in that a server offers: WWW-Authenticate, RFC 9110 section 11.6.1 (RFC 7235 before).
struct Challenge {
    std::string scheme;                                          // lower case: "basic", "bearer"
    std::string token68;                                         // instead of parameters
    std::vector<std::pair<std::string, std::string>> parameters; // names in lower case

    std::string_view parameter(std::string_view name) const; // the first of that name; empty when there is none
    bool operator==(const Challenge &) const = default;
};

// All challenges of a header's values, in order. A value is read up to where it is malformed; what is beyond 8 KiB, 8
// challenges or 16 parameters is not read. Control characters make a value malformed.
std::vector<Challenge> parse_challenges(const std::vector<std::string_view> &values);

} // namespace ballast::registry
