// SPDX-License-Identifier: Apache-2.0
#include "base/yaml.h"

#include <format>

#include <catch2/catch_test_macros.hpp>
#include <limits>

#include "base/file_io.h"
#include "tests/unit/check.h"

namespace ballast {
namespace {

YamlNode parse(const std::string &text) { return must(YamlNode::parse(text, "os/manifest.yaml")); }

// The message of a document that does not parse.
std::string refusal(const std::string &text) {
    const Error error = error_of(YamlNode::parse(text, "f.yaml"));
    CHECK(error.code == EINVAL);
    return error.message;
}

constexpr const char *kDocument = R"(# a comment
suite: trixie
empty:
shipped: false
sizes:
  boot_mib: 384
packages:
  - systemd
  - udev
variants:
  cloud: {name: Cloud}
  metal: {name: Metal}
)";

TEST_CASE("values are read by their keys", "[yaml]") {
    const YamlNode node = parse(kDocument);
    CHECK(must(node.string("suite")) == "trixie");
    CHECK(must(node.string_or("suite", "x")) == "trixie");
    CHECK(must(node.string_or("missing", "fallback")) == "fallback");
    CHECK_FALSE(must(node.boolean_or("shipped", true)));
    CHECK(must(node.boolean_or("missing", true)));
    const YamlNode sizes = must(node.at("sizes"));
    CHECK(must(sizes.integer_or("boot_mib", 1, 64, 1024)) == 384);
    CHECK(must(sizes.integer_or("missing", 7, 64, 1024)) == 7); // the fallback may stand outside of the range
    CHECK(must(node.strings_or_empty("packages")) == std::vector<std::string>{"systemd", "udev"});
    CHECK(must(node.strings_or_empty("missing")).empty());
    CHECK(node.has("empty"));
    CHECK_FALSE(node.has("missing"));
}

TEST_CASE("members come in the document's order", "[yaml]") {
    std::string order;
    for (const auto &[key, value] : must(must(parse(kDocument).at("variants")).members())) {
        order += key + "=" + must(value.string("name")) + " ";
    }
    CHECK(order == "cloud=Cloud metal=Metal ");
}

TEST_CASE("a node knows where it stands", "[yaml]") {
    const YamlNode node = parse(kDocument);
    CHECK(must(node.at("suite")).where() == "os/manifest.yaml:2:8");
    CHECK(must(must(node.at("packages")).items()).at(1).where() == "os/manifest.yaml:9:5");
}

TEST_CASE("an unknown key is named where the key stands, with the known ones", "[yaml]") {
    const YamlNode node = parse("suite: trixie\n\n  # far from its value\npakages:\n  - systemd\n");
    const Error error = error_of(node.allow_only({"suite", "packages"}));
    CHECK(error.code == EINVAL);
    CHECK(error.message.starts_with("os/manifest.yaml:4:1: "));
    CHECK(error.message.contains("pakages"));
    CHECK(error.message.contains("suite, packages"));
    must(node.allow_only({"suite", "pakages", "unused"}));
}

TEST_CASE("an unknown key is found in JSON, too", "[yaml]") {
    const YamlNode node = parse("{\n\t\"suite\": \"trixie\",\n\t\"colour\": 1\n}\n");
    CHECK(error_of(node.allow_only({"suite"})).message.starts_with("os/manifest.yaml:3:"));
    CHECK(error_of(node.allow_only({"suite"})).message.contains("colour"));
    CHECK(must(node.string("suite")) == "trixie");
}

TEST_CASE("wrong types say what stands there and what is wanted", "[yaml]") {
    const YamlNode node = parse(kDocument);
    const Error list = error_of(node.string("packages"));
    CHECK(list.code == EINVAL);
    CHECK(list.message.starts_with("os/manifest.yaml:8:3: "));
    CHECK(list.message.contains("packages"));
    const Error boolean = error_of(node.boolean_or("suite", true));
    CHECK(boolean.message.starts_with("os/manifest.yaml:2:8: "));
    CHECK(boolean.message.contains("suite"));
    CHECK(boolean.message.contains("true or false"));
    CHECK(boolean.message.contains("trixie"));
    CHECK(error_of(node.strings_or_empty("suite")).message.starts_with("os/manifest.yaml:2:8: "));
    CHECK(error_of(must(node.at("packages")).members()).message.contains("mapping"));
    CHECK(error_of(must(node.at("packages")).allow_only({"a"})).message.contains("mapping"));
    CHECK(error_of(must(node.at("sizes")).items()).message.contains("list"));
    CHECK(error_of(must(node.at("suite")).at("key")).message.starts_with("os/manifest.yaml:2:8: "));
    CHECK_FALSE(must(node.at("suite")).has("key"));
}

TEST_CASE("an item of a list is named with its place", "[yaml]") {
    const Error error = error_of(parse("packages:\n  - systemd\n  - [nested]\n").strings_or_empty("packages"));
    CHECK(error.message.starts_with("os/manifest.yaml:3:5: "));
    CHECK(error.message.contains("packages[1]"));
}

TEST_CASE("booleans are true and false and nothing else", "[yaml]") {
    for (const char *text : {"yes", "True", "on", "1", "\"true\"", "'false'", "~", ""}) {
        INFO(text);
        CHECK_FALSE(parse("key: " + std::string(text)).boolean_or("key", true).has_value());
    }
    CHECK(must(parse("key: true").boolean_or("key", false)));
}

TEST_CASE("integers are decimal, whole and in range", "[yaml]") {
    const auto read = [](const std::string &text, long long least, long long most) {
        return parse("esp_mib: " + text).integer_or("esp_mib", 0, least, most);
    };
    CHECK(must(read("34", 34, 100)) == 34);
    CHECK(must(read("100", 34, 100)) == 100);
    CHECK(must(read("-5", -10, 10)) == -5);
    CHECK(must(read("0", 0, 10)) == 0);
    constexpr long long kMost = std::numeric_limits<long long>::max();
    CHECK(must(read(std::to_string(kMost), 0, kMost)) == kMost);
    for (const char *text : {"33", "101", "9223372036854775808", "99999999999999999999", "-1", "12.5", "0x40", "064",
                             "1e2", "64 MiB", "\"64\"", "+64", "-x", "", "~", "[64]"}) {
        INFO(text);
        const Error error = error_of(read(text, 34, 100));
        CHECK(error.code == EINVAL);
        CHECK(error.message.starts_with("os/manifest.yaml:1:"));
        CHECK(error.message.contains("esp_mib"));
        CHECK(error.message.contains("34 to 100"));
    }
}

TEST_CASE("missing keys and values are named", "[yaml]") {
    const YamlNode node = parse(kDocument);
    const Error missing = error_of(must(node.at("sizes")).string("root_mib"));
    CHECK(missing.code == EINVAL);
    CHECK(missing.message.starts_with("os/manifest.yaml:6:3: "));
    CHECK(missing.message.contains("root_mib"));
    const Error empty = error_of(node.string("empty"));
    CHECK(empty.message.starts_with("os/manifest.yaml:3:1: "));
    CHECK(empty.message.contains("empty"));
    // An empty value is no value: it does not become the fallback or an empty list.
    CHECK_FALSE(node.string_or("empty", "fallback").has_value());
    CHECK_FALSE(node.strings_or_empty("empty").has_value());
    CHECK_FALSE(parse("packages: [a, ~]").strings_or_empty("packages").has_value());
    CHECK(error_of(parse("").string("suite")).message.starts_with("os/manifest.yaml:1:1: "));
    CHECK_FALSE(parse("# only a comment\n").allow_only({}).has_value());
}

TEST_CASE("a quoted scalar is text, whatever it looks like", "[yaml]") {
    const YamlNode node = parse("empty: \"\"\nnull_text: 'null'\nversion: 1.20\nblock: |\n  two\n  lines\n");
    CHECK(must(node.string("empty")).empty());
    CHECK(must(node.string("null_text")) == "null");
    CHECK(must(node.string("version")) == "1.20"); // not the number 1.2
    CHECK(must(node.string("block")) == "two\nlines\n");
}

TEST_CASE("a duplicate key is refused at its second place", "[yaml]") {
    const std::string message = refusal("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\n");
    CHECK(message.starts_with("f.yaml:5:3: "));
    CHECK(message.contains("c"));
    CHECK(refusal("{\"a\": 1, \"a\": 2}").starts_with("f.yaml:1:10: "));
    CHECK(refusal("list:\n  - {x: 1, x: 2}\n").starts_with("f.yaml:2:12: "));
    CHECK(refusal("a: 1\n'a': 2\n").starts_with("f.yaml:2:1: "));
}

TEST_CASE("what does not parse is named with its place", "[yaml]") {
    CHECK(refusal("a: [1, 2\nb: 3\n").starts_with("f.yaml:2:"));
    CHECK(refusal("a: 1\n b: 2\n").starts_with("f.yaml:2:"));
    for (const char *open_quote : {"a: \"open", "a: \"open\n", "a: 'open\n\n", "a: \"open\nb: 1\n"}) {
        CHECK(refusal(open_quote).starts_with("f.yaml:"));
    }
    CHECK(refusal("a: 1\n---\nb: 2\n").contains("second document"));
    CHECK(refusal("[a, b]: 1\n").starts_with("f.yaml:1:1: "));
    CHECK(refusal("a: *nowhere\n").starts_with("f.yaml:1:"));
    CHECK(refusal("a: &self [*self]\n").starts_with("f.yaml:1:"));
    CHECK(refusal("k: &k v\n*k : w\n").starts_with("f.yaml:2:"));
}

TEST_CASE("aliases are followed, and an exponential number of them costs nothing", "[yaml]") {
    CHECK(must(parse("a: &x [1, 2]\nb: *x\n").strings_or_empty("b")) == std::vector<std::string>{"1", "2"});
    std::string text = "l0: &l0 [x, x]\n";
    for (int level = 1; level < 64; ++level) {
        const std::string before = "*l" + std::to_string(level - 1);
        text += "l" + std::to_string(level) + ": &l" + std::to_string(level) + " [" + before + ", " + before + "]\n";
    }
    CHECK(must(must(parse(text).at("l63")).items()).size() == 2);
}

TEST_CASE("endless nesting is an error, not a crash", "[yaml]") {
    CHECK(refusal(std::string(100'000, '[')).starts_with("f.yaml:1:"));
    CHECK(refusal(std::string(100'000, '{')).starts_with("f.yaml:1:"));
}

TEST_CASE("a file is named as it was given", "[yaml]") {
    const auto directory = scratch();
    const std::filesystem::path file = directory.path() / "engine.json";
    must(write_file(file, "{\"a\": 1}"));
    CHECK(must(must(YamlNode::load(file)).at("a")).where() == file.string() + ":1:7");
    must(write_file(file, "{\"a\""));
    CHECK(error_of(YamlNode::load(file)).message.starts_with(file.string() + ":1:"));
    const Error missing = error_of(YamlNode::load(directory.path() / "missing"));
    CHECK(missing.code == ENOENT);
    CHECK(missing.message.contains((directory.path() / "missing").string()));
}

} // namespace
TEST_CASE("a document is written as JSON with the types that its plain scalars have", "[yaml]") {
    const YamlNode node = must(YamlNode::parse("b: [1, -2, 0.5, 1e3, 0644, \"7\", 1.2.3, 08, 1., 0x10, .5]\n"
                                               "a: {t: true, n: null, e: , w: yes, q: \"a\\\"b\\n\\\\\"}\n",
                                               "f"));
    REQUIRE(must(node.json()) == R"({"a":{"e":null,"n":null,"q":"a\"b\u000a\\","t":true,"w":"yes"},)"
                                 R"("b":[1,-2,0.5,1e3,420,"7","1.2.3","08","1.","0x10",".5"]})");
    REQUIRE(must(must(YamlNode::parse("", "f")).json()) == "null");
    std::string bomb = "a0: &a0 [x, x]\n";
    for (int i = 1; i < 40; i++) {
        bomb += std::format("a{0}: &a{0} [*a{1}, *a{1}]\n", i, i - 1);
    }
    REQUIRE(error_of(must(YamlNode::parse(bomb, "f")).json()).code == EFBIG);
}

} // namespace ballast
