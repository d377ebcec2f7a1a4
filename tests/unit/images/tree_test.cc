// SPDX-License-Identifier: Apache-2.0
#include "tests/images/tree.h"

#include <catch2/catch_test_macros.hpp>
#include <catch2/matchers/catch_matchers_string.hpp>

#include "tests/unit/images/check.h"

using namespace ballast;
using namespace ballast::images;
using Catch::Matchers::ContainsSubstring;

namespace {

Entry file(const std::string &path, const std::string &content) { return {.path = path, .content = content}; }

Entry directory(const std::string &path, mode_t mode = 0755) {
    return {.path = path, .kind = Kind::kDirectory, .mode = mode};
}

Entry hard_link(const std::string &path, const std::string &target) {
    return {.path = path, .kind = Kind::kHardLink, .target = target};
}

std::vector<std::string> paths(const Tree &tree) {
    std::vector<std::string> list;
    for (const auto &[path, entry] : tree) {
        list.push_back(path);
    }
    return list;
}

Tree stacked(const std::vector<std::vector<Entry>> &layers) {
    Tree tree;
    for (const std::vector<Entry> &layer : layers) {
        must(apply_layer(tree, layer));
    }
    return tree;
}

} // namespace

TEST_CASE("a whiteout removes the file or the whole directory below, and no neighbour", "[tree]") {
    const Tree tree = stacked({{directory("a"), file("a/b", "1"), file("a-b", "2"), file("c", "3"), file("cc", "4")},
                               {file(".wh.a", ""), file(".wh.c", "")}});
    CHECK(paths(tree) == std::vector<std::string>{"a-b", "cc"});
}

TEST_CASE("an opaque directory loses what layers below put there, and keeps its own", "[tree]") {
    // The marker stands after the new file: the order in the archive must not matter.
    const Tree tree =
        stacked({{directory("d"), file("d/old", "1"), file("d/both", "1"), file("e", "1")},
                 {directory("d", 0700), file("d/both", "2"), file("d/new", "2"), file("d/.wh..wh..opq", "")}});
    CHECK(paths(tree) == std::vector<std::string>{"d", "d/both", "d/new", "e"});
    CHECK(tree.at("d/both").content == "2");
    CHECK(tree.at("d").mode == 0700);
}

TEST_CASE("a directory named again keeps its content; a change of kind replaces the whole tree", "[tree]") {
    const Tree tree =
        stacked({{directory("kept"), file("kept/x", "1"), directory("gone"), file("gone/x", "1"), file("file", "1")},
                 {directory("kept", 0700), file("gone", "now a file"), directory("file")}});
    CHECK(paths(tree) == std::vector<std::string>{"file", "gone", "kept", "kept/x"});
    CHECK(tree.at("kept").mode == 0700);
    CHECK(tree.at("gone").content == "now a file");
    CHECK(tree.at("file").kind == Kind::kDirectory);
}

TEST_CASE("a file lives on under its other names when one is removed", "[tree]") {
    const Tree tree = stacked(
        {{file("first", "x"), hard_link("second", "first"), hard_link("third", "second")}, {file(".wh.first", "")}});
    CHECK(paths(tree) == std::vector<std::string>{"second", "third"});
    CHECK(tree.at("second") == file("second", "x"));
    CHECK(tree.at("third").kind == Kind::kHardLink);
    CHECK(tree.at("third").target == "second");
}

TEST_CASE("a layer is sorted, its missing parents are named, hard links come last", "[tree]") {
    Tree below;
    must(apply_layer(below, {directory("known", 01777)}));
    Entry target = file("known/z", "x");
    target.mode = 04711;
    target.user = 7;
    const auto layer = must(complete_layer({hard_link("a", "known/z"), target, file("new/deep/file", "y")}, below));
    std::vector<std::string> order;
    for (const Entry &entry : layer) {
        order.push_back(entry.path);
    }
    CHECK(order == std::vector<std::string>{"known", "known/z", "new", "new/deep", "new/deep/file", "a"});
    CHECK(layer[0].mode == 01777); // as the layer below has it
    CHECK(layer[2].mode == 0755);
    CHECK(layer[5].mode == 04711);
    CHECK(layer[5].user == 7);
}

TEST_CASE("a layer that contradicts itself is refused", "[tree]") {
    CHECK_THAT(message_of(complete_layer({file("a", "1"), file("a", "2")}, {})), ContainsSubstring("a occurs twice"));
    CHECK_THAT(message_of(complete_layer({hard_link("a", "b")}, {})), ContainsSubstring("b is not a file"));
    Tree tree;
    CHECK_THAT(message_of(apply_layer(tree, {hard_link("a", "b")})), ContainsSubstring("hard link a"));
}
