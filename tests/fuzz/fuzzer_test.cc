// SPDX-License-Identifier: Apache-2.0
#include "tests/fuzz/fuzzer.h"

#include <functional>

#include "tests/unit/check.h"

using namespace ballast;

namespace {

fuzz::Plan plan_for(std::function<fuzz::Verdict(std::string_view)> parse) {
    return {.name = "fuzzer-test",
            .corpus = "tests/fuzz/corpus/resources",
            .parse = std::move(parse),
            .duration = std::chrono::seconds(30),
            .words = {"needle"}};
}

} // namespace

TEST_CASE("a broken promise is found, and its input left behind", "[fuzz]") {
    fuzz::Report report = fuzz::run(plan_for(
        [](std::string_view input) { return fuzz::Verdict{true, input.contains("\"needle\":[") ? "found" : ""}; }));
    REQUIRE(report.problem.starts_with("found; the input is in "));
    std::string left = report.problem.substr(report.problem.find('/'));
    REQUIRE(must(read_file(left)).contains("\"needle\":["));
    std::filesystem::remove(left);
}

TEST_CASE("inputs depend on nothing but the corpus and the seed", "[fuzz]") {
    auto first_inputs = [] {
        std::vector<std::size_t> inputs;
        fuzz::Report report = fuzz::run(plan_for([&](std::string_view input) {
            inputs.push_back(std::hash<std::string_view>()(input));
            return fuzz::Verdict{true, inputs.size() == 500 ? "enough" : ""};
        }));
        std::filesystem::remove(report.problem.substr(report.problem.find('/')));
        return inputs;
    };
    REQUIRE(first_inputs() == first_inputs());
}

TEST_CASE("messages that could pose as others are bad", "[fuzz]") {
    REQUIRE(fuzz::bad_message("f: line 1").empty());
    for (const char *message : {"", "a\nb", "a\x1b[2J", "\x7f"}) {
        REQUIRE_FALSE(fuzz::bad_message(message).empty());
    }
    REQUIRE_FALSE(fuzz::bad_message(std::string(2001, 'x')).empty());
}
