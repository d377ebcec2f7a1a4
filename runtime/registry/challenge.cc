// SPDX-License-Identifier: Apache-2.0
#include "runtime/registry/challenge.h"

#include <algorithm>
#include <optional>

namespace ballast::registry {
namespace {

constexpr std::size_t kLongestValue = 8UL << 10;
constexpr std::size_t kMostChallenges = 8;
constexpr std::size_t kMostParameters = 16;

bool is_alphanumeric(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }
bool is_token_char(char c) { return is_alphanumeric(c) || std::string_view("!#$%&'*+-.^_`|~").contains(c); }
bool is_token68_char(char c) { return is_alphanumeric(c) || std::string_view("-._~+/").contains(c); }
bool is_quotable(char c) { return c == '\t' || (static_cast<unsigned char>(c) >= ' ' && c != 0x7f); }

std::string lower(std::string_view text) {
    std::string result(text);
    std::ranges::transform(result, result.begin(),
                           [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return result;
}

// What is left of a value; each take_… consumes what it returns.
class Reader {
  public:
    explicit Reader(std::string_view rest) : rest_(rest) {}

    bool at_end() const { return rest_.empty(); }
    std::size_t skip_spaces() {
        const std::size_t count = std::min(rest_.find_first_not_of(" \t"), rest_.size());
        rest_.remove_prefix(count);
        return count;
    }
    bool take(char wanted) {
        if (!rest_.starts_with(wanted)) {
            return false;
        }
        rest_.remove_prefix(1);
        return true;
    }
    // Empty elements of a list are allowed.
    bool take_commas() {
        bool taken = false;
        skip_spaces();
        while (take(',')) {
            taken = true;
            skip_spaces();
        }
        return taken;
    }
    std::string_view take_token() { return take_while(is_token_char); }
    std::optional<std::string> take_value() {
        if (!take('"')) {
            const std::string_view token = take_token();
            return token.empty() ? std::nullopt : std::optional(std::string(token));
        }
        std::string text;
        while (!rest_.empty() && is_quotable(rest_.front())) {
            if (take('"')) {
                return text;
            }
            if (take('\\') && (rest_.empty() || !is_quotable(rest_.front()))) {
                return std::nullopt;
            }
            text += rest_.front();
            rest_.remove_prefix(1);
        }
        return std::nullopt;
    }
    // token68: only if it ends the challenge, for "name=value" starts in the same way.
    std::string take_token68() {
        const std::string_view before = rest_;
        std::string text(take_while(is_token68_char));
        while (take('=')) {
            text += '=';
        }
        Reader ahead = *this;
        ahead.skip_spaces();
        if (ahead.at_end() || ahead.take(',')) {
            return text;
        }
        rest_ = before;
        return "";
    }
    // "name = value"; nothing, and nothing consumed, when something else stands here.
    std::optional<std::pair<std::string, std::string>> take_parameter() {
        const std::string_view before = rest_;
        const std::string name = lower(take_token());
        skip_spaces();
        if (!name.empty() && take('=')) {
            skip_spaces();
            if (auto value = take_value()) {
                return std::pair(name, std::move(*value));
            }
        }
        rest_ = before;
        return std::nullopt;
    }

  private:
    std::string_view take_while(bool (*fits)(char)) {
        const std::size_t count = static_cast<std::size_t>(std::ranges::find_if_not(rest_, fits) - rest_.begin());
        const std::string_view taken = rest_.substr(0, count);
        rest_.remove_prefix(count);
        return taken;
    }

    std::string_view rest_;
};

// "scheme", "scheme token68" or "scheme name=value, …"; nothing when malformed.
std::optional<Challenge> take_challenge(Reader &reader) {
    Challenge challenge;
    challenge.scheme = lower(reader.take_token());
    if (challenge.scheme.empty()) {
        return std::nullopt;
    }
    if (reader.skip_spaces() == 0 || reader.at_end()) {
        return challenge;
    }
    challenge.token68 = reader.take_token68();
    if (!challenge.token68.empty()) {
        return challenge;
    }
    while (auto parameter = reader.take_parameter()) {
        if (challenge.parameters.size() == kMostParameters) {
            return std::nullopt;
        }
        challenge.parameters.push_back(std::move(*parameter));
        Reader ahead = reader;
        if (!ahead.take_commas() || !ahead.take_parameter()) {
            break; // the end, or the next challenge behind the comma
        }
        reader.take_commas();
    }
    return challenge;
}

} // namespace

std::string_view Challenge::parameter(std::string_view name) const {
    const auto found = std::ranges::find(parameters, name, &std::pair<std::string, std::string>::first);
    return found == parameters.end() ? std::string_view() : std::string_view(found->second);
}

std::vector<Challenge> parse_challenges(const std::vector<std::string_view> &values) {
    std::vector<Challenge> challenges;
    for (const std::string_view value : values) {
        if (value.size() > kLongestValue) {
            continue;
        }
        Reader reader(value);
        reader.take_commas();
        while (!reader.at_end() && challenges.size() < kMostChallenges) {
            std::optional<Challenge> challenge = take_challenge(reader);
            if (!challenge) {
                break;
            }
            reader.skip_spaces();
            const bool more = reader.take_commas();
            if (!more && !reader.at_end()) {
                break; // garbage behind it: who knows what its last parameter meant
            }
            challenges.push_back(std::move(*challenge));
        }
    }
    return challenges;
}

} // namespace ballast::registry
