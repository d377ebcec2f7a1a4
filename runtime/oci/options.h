// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"

// Command lines by getopt_long(3): a table of options, and what is left.
namespace ballast::oci {

struct Option {
    const char *name;                               // without "--"
    char letter;                                    // 0: none
    const char *argument;                           // what to call it in the usage; null: takes none
    const char *text;                               // for --help
    std::function<Status(const std::string &)> set; // gets "" when it takes none
};

struct Parsed {
    std::vector<std::string> words; // what is no option
    bool help = false;              // --help was given
};

// `stop_at_word`: options end at the first word, what follows belongs to somebody else. EINVAL names what is wrong.
Result<Parsed> parse_options(const std::vector<std::string> &arguments, const std::vector<Option> &options,
                             bool stop_at_word = false);

std::string options_text(const std::vector<Option> &options);

// Setters.
std::function<Status(const std::string &)> store(std::string &to);
std::function<Status(const std::string &)> store(bool &to, bool value = true);
std::function<Status(const std::string &)> append(std::vector<std::string> &to);
// Accepted because engines give it; `why` nothing follows from it stands beside the option.
std::function<Status(const std::string &)> ignore();

// "12" -> 12; EINVAL names `option`.
Result<std::int64_t> whole_number(const std::string &option, const std::string &text);
// Also "512k", "10m", "2g", "1t" (1024-based) and "-1".
Result<std::int64_t> byte_count(const std::string &option, const std::string &text);

} // namespace ballast::oci
