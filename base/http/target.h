// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

// The target of an HTTP request (RFC 9112 section 3.2), taken apart.
namespace ballast::http {

// Nothing when an escape is cut off or not hexadecimal, or stands for NUL.
std::optional<std::string> percent_decoded(std::string_view text);

// The names and values behind the question mark, as forms write them: '+' is a space, a name without '=' has no value.
class Query {
  public:
    // Nothing when a name or value does not decode, or there are more than 1024 of them.
    static std::optional<Query> parse(std::string_view text);

    bool has(std::string_view name) const;
    // The first value of that name; empty when it is missing.
    std::string_view get(std::string_view name) const;
    std::vector<std::string> all(std::string_view name) const;

  private:
    std::vector<std::pair<std::string, std::string>> values_;
};

struct Target {
    std::string path; // decoded, starts with '/'
    Query query;
};

// Takes the origin form ("/x?y") and the absolute form ("http://host/x?y"). Nothing when it is malformed.
std::optional<Target> parse_target(std::string_view target);

} // namespace ballast::http
