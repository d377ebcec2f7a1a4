// SPDX-License-Identifier: Apache-2.0
#include "base/json/json_tree.h"

#include "base/json/json_cursor.h"
#include "tests/unit/check.h"

using namespace ballast;

namespace {

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

std::string problem_of(const std::string &text) { return error_of(JsonTree::parse(text, "f")).message; }

} // namespace

TEST_CASE("what is not JSON is refused with its place", "[json]") {
    REQUIRE(problem_of("") == "f: empty");
    REQUIRE(problem_of("\n ") == "f: empty");
    REQUIRE(problem_of("{\n  \"a\": tru\n}").starts_with("f: line 2, column 11: syntax error"));
    REQUIRE(problem_of("{} {}").starts_with("f: line 1, column 4: "));
    REQUIRE(problem_of("[1e999]").starts_with("f: line 1, column "));
    REQUIRE(error_of(JsonTree::parse("{", "f")).code == EINVAL);
}

TEST_CASE("a message about broken text is short, one line and printable", "[json]") {
    std::string problem = problem_of("\"" + std::string(100000, 'x') + "\n\"");
    REQUIRE(problem.size() < 1000);
    problem = problem_of("\"\xff\x1b[31m\"");
    for (char character : problem) {
        REQUIRE((character >= ' ' || character < 0));
    }
    REQUIRE_FALSE(problem.contains('\xff'));
}

TEST_CASE("text that nests too deep is refused at the first bracket too many", "[json]") {
    REQUIRE(JsonTree::parse(nested(kDeepestJson), "f").has_value());
    REQUIRE(problem_of(nested(kDeepestJson + 1)) == "f: nested deeper than 64");
    REQUIRE(problem_of(std::string(4'000'000, '[')) == "f: nested deeper than 64");
}

TEST_CASE("text that is too large is refused before it is parsed", "[json]") {
    Error error = error_of(JsonTree::parse(std::string(kLargestJson + 1, ' '), "f"));
    REQUIRE(error.code == EFBIG);
    REQUIRE(error.message == "f: larger than 8388608 bytes");
}

TEST_CASE("text with too many values is refused", "[json]") {
    std::string text = "[0";
    for (std::size_t value = 0; value < kMostJsonValues; value++) {
        text += ",0";
    }
    REQUIRE(problem_of(text + "]") == "f: more than 262144 values");
}

TEST_CASE("a value's path names every step to it", "[json]") {
    std::string text = R"({"a": {"b": [1, {"c": []}]}, "x.y": {"": 2}})";
    JsonTree tree = must(JsonTree::parse(text, "f"));
    std::vector<std::string> paths;
    for (JsonTree::Place place = 0; place < tree.node(0).next; place++) {
        paths.push_back(tree.path(place));
    }
    REQUIRE(paths ==
            std::vector<std::string>{"", "a", "a.b", "a.b[0]", "a.b[1]", "a.b[1].c", "[\"x.y\"]", "[\"x.y\"][\"\"]"});
}

TEST_CASE("values are shown shortly", "[json]") {
    auto shown = [](const std::string &text) { return must(JsonTree::parse(text, "f")).shown(JsonTree::kRoot); };
    REQUIRE(shown("null") == "null");
    REQUIRE(shown("-5") == "-5");
    REQUIRE(shown("18446744073709551615") == "18446744073709551615");
    REQUIRE(shown("18446744073709551616") == "18446744073709551616");
    REQUIRE(shown("1.5e3") == "1.5e3");
    REQUIRE(shown("[1]") == "an array");
    REQUIRE(shown("{}") == "an object");
    REQUIRE(shown(R"("a\n\u0000b")") == R"("a\n\x00b")");
    REQUIRE(shown('"' + std::string(63, 'x') + "ä" + std::string(9, 'y') + '"') == '"' + std::string(63, 'x') + "\"…");
}

TEST_CASE("numbers are exact and stay in their range", "[json]") {
    auto read = [](const std::string &text, auto number) {
        JsonDocument document = must(JsonDocument::parse(text, "f"));
        auto value = JsonCursor(document).number<decltype(number)>();
        REQUIRE(value == number);
        return document.status().has_value() ? "" : document.status().error().message;
    };
    REQUIRE(read("18446744073709551615", std::uint64_t{18446744073709551615U}).empty());
    REQUIRE(read("-9223372036854775808", std::numeric_limits<std::int64_t>::min()).empty());
    REQUIRE(read("-0", std::int64_t{0}).empty());
    REQUIRE(read("18446744073709551616", std::uint64_t{0}) ==
            "f: want a whole number from 0 to 18446744073709551615, have 18446744073709551616");
    REQUIRE(read("9223372036854775808", std::int64_t{0}).contains("to 9223372036854775807, have 9223372036854775808"));
    REQUIRE(read("4294967296", std::uint32_t{0}) == "f: want a whole number from 0 to 4294967295, have 4294967296");
    REQUIRE(read("-1", std::uint16_t{0}) == "f: want a whole number from 0 to 65535, have -1");
    REQUIRE(read("1.0", 0) == "f: want a whole number, have 1.0");
    REQUIRE(read("1e3", 0) == "f: want a whole number, have 1e3");
    REQUIRE(read("\"12\"", 0) == "f: want a whole number, have \"12\"");
}

TEST_CASE("the first failure is the one that counts", "[json]") {
    JsonDocument document = must(JsonDocument::parse(R"({"a": 1, "b": 2})", "f"));
    JsonCursor from(document);
    REQUIRE(from.at("a").text().empty());
    REQUIRE_FALSE(from.at("b").boolean());
    REQUIRE(document.status().error().message == "f: a: want a text, have 1");
}

TEST_CASE("what is missing has a path, too", "[json]") {
    JsonDocument document = must(JsonDocument::parse(R"({"a": [{"b": null}]})", "f"));
    for (JsonCursor item : JsonCursor(document).at("a").items()) {
        REQUIRE_FALSE(item.at("b").given());
        REQUIRE(item.at("b").path() == "a[0].b");
        (void)item.need("b").text();
    }
    REQUIRE(document.status().error().message == "f: a[0].b: missing");
}
