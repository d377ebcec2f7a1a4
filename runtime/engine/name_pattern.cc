// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/name_pattern.h"

#include <array>

#include "base/quote.h"

namespace ballast::engine {
namespace {

constexpr std::size_t kLongest = 256;

std::unexpected<Error> invalid(const std::string &text, const std::string &why) {
    return fail(EINVAL, "invalid filter 'name=" + escaped(text.substr(0, kLongest)) + "': " + why);
}

} // namespace

void NamePattern::Free::operator()(regex_t *compiled) const {
    regfree(compiled);
    delete compiled;
}

Result<NamePattern> NamePattern::compile(const std::string &text) {
    // The library repeats by copying: "(a{255}){255}" would take gigabytes, and names need none of it.
    if (text.size() > kLongest || text.contains('{') || text.contains('\0')) {
        return invalid(text, "want at most " + std::to_string(kLongest) + " bytes, without counted repetition");
    }
    auto compiled = std::make_unique<regex_t>();
    if (const int code = regcomp(compiled.get(), text.c_str(), REG_EXTENDED | REG_NOSUB); code != 0) {
        std::array<char, 128> why{};
        (void)regerror(code, compiled.get(), why.data(), why.size()); // its result is only the text's size
        return invalid(text, why.data());
    }
    return NamePattern(std::unique_ptr<regex_t, Free>(compiled.release()));
}

bool NamePattern::matches(const std::string &name) const {
    return regexec(compiled_.get(), name.c_str(), 0, nullptr, 0) == 0;
}

} // namespace ballast::engine
