// SPDX-License-Identifier: Apache-2.0
#include "runtime/oci/options.h"

#include <algorithm>
#include <charconv>
#include <getopt.h>
#include <limits>

#include "base/quote.h"

namespace ballast::oci {
namespace {

constexpr int kFirstCode = 256; // beyond all letters

// "+" ends options at the first word; ":" makes a missing argument ':' instead of a message of getopt's own.
std::string short_options(const std::vector<Option> &options, bool stop_at_word) {
    std::string letters = stop_at_word ? "+:h" : ":h";
    for (const Option &option : options) {
        if (option.letter != 0) {
            letters += option.letter;
            letters += option.argument != nullptr ? ":" : "";
        }
    }
    return letters;
}

std::vector<option> long_options(const std::vector<Option> &options) {
    std::vector<option> table;
    int code = kFirstCode;
    for (const Option &one : options) {
        table.push_back({one.name, one.argument != nullptr ? required_argument : no_argument, nullptr, code++});
    }
    table.push_back({"help", no_argument, nullptr, 'h'});
    table.push_back({nullptr, 0, nullptr, 0});
    return table;
}

} // namespace

Result<Parsed> parse_options(const std::vector<std::string> &arguments, const std::vector<Option> &options,
                             bool stop_at_word) {
    std::vector<std::string> words = arguments;
    words.insert(words.begin(), "");
    std::vector<char *> pointers;
    pointers.reserve(words.size() + 1);
    for (std::string &word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    const std::string letters = short_options(options, stop_at_word);
    const std::vector<option> table = long_options(options);
    const int count = static_cast<int>(words.size());
    Parsed parsed;
    optind = 0; // begins anew
    opterr = 0;
    for (;;) {
        const int code = getopt_long(count, pointers.data(), letters.c_str(), table.data(), nullptr);
        if (code == -1) {
            break;
        }
        if (code == 'h') {
            parsed.help = true;
            continue;
        }
        if (code == '?' || code == ':') {
            const std::string word = pointers[static_cast<std::size_t>(std::max(optind - 1, 1))];
            return fail(EINVAL, code == ':' ? "option " + quote(word) + " needs a value"
                                            : "unknown option " + quote(word) + "; --help lists them");
        }
        const auto chosen = code >= kFirstCode ? options.begin() + (code - kFirstCode)
                                               : std::ranges::find(options, static_cast<char>(code), &Option::letter);
        TRY(chosen->set(chosen->argument != nullptr ? std::string(optarg) : std::string()));
    }
    for (int index = optind; index < count; ++index) {
        parsed.words.emplace_back(pointers[static_cast<std::size_t>(index)]);
    }
    return parsed;
}

std::string options_text(const std::vector<Option> &options) {
    std::string text;
    for (const Option &option : options) {
        std::string line = option.letter != 0 ? std::string("  -") + option.letter + ", --" : "      --";
        line += option.name;
        if (option.argument != nullptr) {
            line += std::string(" ") + option.argument;
        }
        line.resize(std::max<std::size_t>(line.size() + 2, 34), ' ');
        text += line + option.text + "\n";
    }
    return text;
}

std::function<Status(const std::string &)> store(std::string &to) {
    return [&to](const std::string &value) -> Status {
        to = value;
        return {};
    };
}

std::function<Status(const std::string &)> store(bool &to, bool value) {
    return [&to, value](const std::string &) -> Status {
        to = value;
        return {};
    };
}

std::function<Status(const std::string &)> append(std::vector<std::string> &to) {
    return [&to](const std::string &value) -> Status {
        to.push_back(value);
        return {};
    };
}

std::function<Status(const std::string &)> ignore() {
    return [](const std::string &) -> Status { return {}; };
}

Result<std::int64_t> whole_number(const std::string &option, const std::string &text) {
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return fail(EINVAL, option + ": want a whole number, have " + quote(text));
    }
    return number;
}

Result<std::int64_t> byte_count(const std::string &option, const std::string &text) {
    std::string digits = text;
    while (!digits.empty() && (digits.back() == 'b' || digits.back() == 'B')) {
        digits.pop_back();
    }
    unsigned shift = 0;
    constexpr std::string_view units = "kmgt";
    if (!digits.empty()) {
        const char unit = static_cast<char>(digits.back() | 0x20);
        if (const std::size_t place = units.find(unit); place != std::string_view::npos) {
            shift = static_cast<unsigned>(10 * (place + 1));
            digits.pop_back();
        }
    }
    const Result<std::int64_t> number = whole_number(option, digits);
    if (!number.has_value() || *number < -1 || (shift > 0 && *number < 0) ||
        *number > (std::numeric_limits<std::int64_t>::max() >> shift)) {
        return fail(EINVAL, option + ": want bytes, as 512k, 10m or 2g, or -1 for no limit; have " + quote(text));
    }
    return shift > 0 ? *number << shift : *number;
}

} // namespace ballast::oci
