// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "base/http/url.h"
#include "runtime/image/reference.h"
#include "runtime/registry/challenge.h"
#include "runtime/registry/registry_error.h"
#include "tests/fuzz/fuzzer.h"
#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::registry;

namespace {

// A challenge as it would be sent.
std::string written(const Challenge &challenge) {
    std::string text = challenge.scheme + (challenge.token68.empty() ? "" : " " + challenge.token68);
    for (const auto &[name, value] : challenge.parameters) {
        text += (&value == &challenge.parameters.front().second ? " " : ", ") + name + "=\"";
        for (const char c : value) {
            text += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
        }
        text += '"';
    }
    return text;
}

bool is_line(std::string_view text) {
    return std::ranges::none_of(text, [](char c) { return c == '\r' || c == '\n' || c == '\0'; });
}

fuzz::Verdict judge_challenges(std::string_view input) {
    const std::vector<Challenge> challenges = parse_challenges({input});
    for (const Challenge &challenge : challenges) {
        if (challenge.scheme.empty() || !is_line(challenge.scheme) || !is_line(challenge.token68)) {
            return {true, "a scheme that is none"};
        }
        for (const auto &[name, value] : challenge.parameters) {
            if (name.empty() || !is_line(name) || !is_line(value)) {
                return {true, "a parameter that could become a header"};
            }
        }
        const std::vector<Challenge> again = parse_challenges({written(challenge)});
        if (again.size() != 1 || again[0] != challenge) {
            return {true, "another challenge after writing and reading"};
        }
        const Result<http::Url> realm = http::parse_url(challenge.parameter("realm"));
        if (realm.has_value() && (!is_line(realm->text()) || http::parse_url(realm->text()).value() != *realm)) {
            return {true, "a realm that means something else when it is read again"};
        }
    }
    return {!challenges.empty(), ""};
}

fuzz::Verdict judge_error(std::string_view input) {
    const image::Reference reference = must(image::Reference::parse("a:v1"));
    const RegistryError read = parse_registry_error(404, input);
    for (const Error &error : {pull_error(read, reference), push_error(read, reference), other_error(read, "x")}) {
        if (std::string bad = fuzz::bad_message(error.message); !bad.empty()) {
            return {true, std::move(bad)};
        }
        if (error.code <= 0) {
            return {true, "no code"};
        }
    }
    return {!read.code.empty() || !read.message.empty(), ""};
}

} // namespace

TEST_CASE("the reader of WWW-Authenticate keeps its promises for any text", "[fuzz]") {
    const fuzz::Plan plan{
        .name = "challenge",
        .corpus = "tests/fuzz/corpus/challenge",
        .parse = judge_challenges,
        .duration = std::chrono::seconds(5),
        .words = {"Bearer", "Basic", "realm=", "\"", "\\", ",", " ", "=", "==", "\t", "\r\n", "scope"}};
    fuzz::check(plan);
}

TEST_CASE("the reader of a registry's errors keeps its promises for any text", "[fuzz]") {
    const fuzz::Plan plan{
        .name = "registry-error",
        .corpus = "tests/fuzz/corpus/registry_error",
        .parse = judge_error,
        .duration = std::chrono::seconds(5),
        .words = {"errors", "code", "message", "details", "error", "DENIED", "NAME_UNKNOWN", "\\u001b"}};
    fuzz::check(plan);
}
