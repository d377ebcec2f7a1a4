// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/program.h"

#include <catch2/catch_test_macros.hpp>
#include <filesystem>
#include <string>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

namespace fs = std::filesystem;

// Directories a, b and c of a scratch directory, for a PATH of them.
struct Tree {
    TemporaryDirectory top = scratch();
    Tree() {
        for (const char *name : {"a", "b", "c"}) {
            fs::create_directory(top.path() / name);
        }
    }
    fs::path file(const std::string &name, mode_t mode) const {
        must(write_file(top.path() / name, "#!/bin/sh\n"));
        REQUIRE(chmod((top.path() / name).c_str(), mode) == 0);
        return top.path() / name;
    }
    Words environment() const {
        const std::string base = top.path();
        return Words({"X=1", "PATH=" + base + "/a:" + base + "/b:" + base + "/c", "PATHS=no"});
    }
};

struct Answer {
    Outcome outcome;
    std::string path;
};

Answer find(std::string_view name, const Words &environment) {
    ProgramPath found;
    const Outcome outcome = find_executable(name, environment, found);
    return {outcome, outcome.failed() ? "" : found.path.data()};
}

TEST_CASE("the first directory of PATH that has the program wins", "[program]") {
    const Tree tree;
    tree.file("c/tool", 0755);
    const fs::path earlier = tree.file("b/tool", 0755);
    CHECK(find("tool", tree.environment()).path == earlier);
}

TEST_CASE("directories and files that nobody may run are passed over", "[program]") {
    const Tree tree;
    fs::create_directory(tree.top.path() / "a/tool");
    tree.file("b/tool", 0644);
    const fs::path runs = tree.file("c/tool", 0755);
    CHECK(find("tool", tree.environment()).path == runs);
}

TEST_CASE("what is not there and what cannot be run are told apart", "[program]") {
    const Tree tree;
    CHECK(find("tool", tree.environment()).outcome.code == ENOENT);
    tree.file("b/tool", 0644);
    const Outcome outcome = find("tool", tree.environment()).outcome;
    CHECK(outcome.step == Step::kFindProgram);
    CHECK(outcome.code == EACCES);
}

TEST_CASE("a name with a slash is not looked for in PATH", "[program]") {
    const Tree tree;
    const fs::path tool = tree.file("a/tool", 0755);
    CHECK(find(tool.string(), tree.environment()).path == tool);
    CHECK(find("./tool", tree.environment()).outcome.code == ENOENT);
    CHECK(find(tree.top.path().string() + "/a", tree.environment()).outcome.code == EACCES);
    CHECK(find(tool.string() + "/x", tree.environment()).outcome.code == ENOTDIR);
}

TEST_CASE("an empty part of PATH is the working directory", "[program]") {
    const Tree tree;
    tree.file("a/here", 0755);
    const fs::path before = fs::current_path();
    fs::current_path(tree.top.path() / "a");
    CHECK(find("here", Words({"PATH=:/nowhere"})).path == "here");
    CHECK(find("here", Words({"PATH=/nowhere:"})).path == "here");
    CHECK(find("here", Words({"PATH=/nowhere::/neither"})).path == "here");
    CHECK(find("here", Words({"PATH="})).path == "here");
    CHECK(find("here", Words({"PATH=/nowhere"})).outcome.code == ENOENT);
    fs::current_path(before);
}

TEST_CASE("without PATH the system's directories are searched", "[program]") {
    CHECK(find("sh", Words({"HOME=/"})).path == "/bin/sh");
}

TEST_CASE("names that are empty or too long for a path are answered", "[program]") {
    const Tree tree;
    CHECK(find("", tree.environment()).outcome.code == ENOENT);
    CHECK(find(std::string(300, 'x'), tree.environment()).outcome.failed());
    CHECK(find(std::string(5000, 'x'), tree.environment()).outcome.code == ENOENT);
    CHECK(find("/" + std::string(5000, 'x'), tree.environment()).outcome.code == ENAMETOOLONG);
    CHECK(find("sh", Words({"PATH=" + std::string(4094, '/')})).outcome.code == ENOENT);
    CHECK(find("sh", Words({"PATH=" + std::string(9000, 'x') + ":/bin"})).path == "/bin/sh");
}

TEST_CASE("of a variable given more than once the last one counts", "[program]") {
    using List = std::vector<std::string>;
    CHECK(plan_environment({"A=1", "B=2", "A=3"}) == List{"B=2", "A=3"});
    CHECK(plan_environment({"A=1", "A=2", "A="}) == List{"A="});
    CHECK(plan_environment({"AB=1", "A=2"}) == List{"AB=1", "A=2"});
    CHECK(plan_environment({"", "odd", "odd"}) == List{"", "odd"});
    CHECK(plan_environment({}).empty());
}

} // namespace
} // namespace ballast::isolate
