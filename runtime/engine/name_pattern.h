// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <regex.h>
#include <string>

#include "base/result.h"

namespace ballast::engine {

// A regular expression (POSIX extended, regex(7)) that is found anywhere in a name, as the clients' filters by name are
// meant.
class NamePattern {
  public:
    // EINVAL "invalid filter 'name=(': ..." for what is no expression, and for one above 256 bytes.
    static Result<NamePattern> compile(const std::string &text);
    bool matches(const std::string &name) const;

  private:
    struct Free {
        void operator()(regex_t *compiled) const;
    };
    explicit NamePattern(std::unique_ptr<regex_t, Free> compiled) : compiled_(std::move(compiled)) {}
    std::unique_ptr<regex_t, Free> compiled_;
};

} // namespace ballast::engine
