// SPDX-License-Identifier: Apache-2.0
#include "agent/static_pods/manifests.h"

#include <filesystem>
#include <poll.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

namespace {

std::string manifest(const std::string &name, const std::string &image = "i") {
    return "apiVersion: v1\nkind: Pod\nmetadata: {name: " + name + "}\nspec: {containers: [{name: a, image: " + image +
           "}]}\n";
}

bool changed(const Manifests &manifests) {
    pollfd entry{manifests.changed().get(), POLLIN, 0};
    return poll(&entry, 1, 0) > 0;
}

} // namespace

TEST_CASE("the pods of a directory follow its files", "[agent]") {
    const TemporaryDirectory directory = scratch();
    Manifests manifests = must(Manifests::open(directory.path(), "node"));
    REQUIRE(manifests.scan().pods.empty());
    REQUIRE_FALSE(changed(manifests));
    must(write_file(directory.path() / "b.yaml", manifest("b")));
    must(write_file(directory.path() / "a.yaml", manifest("a")));
    must(write_file(directory.path() / ".a.yaml.swp", manifest("c")));
    must(make_directories(directory.path() / "sub"));
    REQUIRE(changed(manifests));
    const Manifests::Found both = manifests.scan();
    REQUIRE(both.problems.empty());
    REQUIRE(both.pods.size() == 2);
    REQUIRE(both.pods[0].name == "a-node");
    REQUIRE_FALSE(changed(manifests));

    must(replace_file(directory.path() / "a.yaml", manifest("a", "j")));
    REQUIRE(changed(manifests));
    REQUIRE(manifests.scan().pods[0].uid != both.pods[0].uid);
    std::filesystem::remove(directory.path() / "a.yaml");
    REQUIRE(changed(manifests));
    REQUIRE(manifests.scan().pods.size() == 1);
}

TEST_CASE("a file that is broken is told once, and its pod goes on", "[agent]") {
    const TemporaryDirectory directory = scratch();
    Manifests manifests = must(Manifests::open(directory.path(), "node"));
    must(write_file(directory.path() / "a.yaml", manifest("a")));
    must(write_file(directory.path() / "b.yaml", "kind: Nothing\n"));
    const Manifests::Found first = manifests.scan();
    REQUIRE(first.pods.size() == 1);
    REQUIRE(first.problems.size() == 1);
    must(write_file(directory.path() / "a.yaml", manifest("a") + "]"));
    const Manifests::Found broken = manifests.scan();
    REQUIRE(broken.problems.size() == 1);
    REQUIRE(broken.pods.size() == 1);
    REQUIRE(broken.pods[0].uid == first.pods[0].uid);
    REQUIRE(manifests.scan().problems.empty());
    std::filesystem::remove(directory.path() / "a.yaml");
    REQUIRE(manifests.scan().pods.empty());
}

TEST_CASE("of two files with one pod the first counts", "[agent]") {
    const TemporaryDirectory directory = scratch();
    Manifests manifests = must(Manifests::open(directory.path(), "node"));
    must(write_file(directory.path() / "a.yaml", manifest("a", "i")));
    must(write_file(directory.path() / "b.yaml", manifest("a", "j")));
    const Manifests::Found found = manifests.scan();
    REQUIRE(found.pods.size() == 1);
    REQUIRE(found.pods[0].containers[0].image == "i");
    REQUIRE(found.problems.size() == 1);
    REQUIRE(found.problems[0].contains("another manifest holds a pod default/a-node"));
}

TEST_CASE("a directory that is made later, or goes, is no error", "[agent]") {
    const TemporaryDirectory directory = scratch();
    const std::filesystem::path path = directory.path() / "manifests";
    Manifests manifests = must(Manifests::open(path, "node"));
    const Manifests::Found none = manifests.scan();
    REQUIRE(none.complete);
    REQUIRE(none.pods.empty());
    must(make_directories(path));
    must(write_file(path / "a.yaml", manifest("a")));
    REQUIRE(manifests.scan().pods.size() == 1);
    must(remove_tree(path));
    REQUIRE(changed(manifests));
    REQUIRE(manifests.scan().pods.empty());
    must(make_directories(path));
    must(write_file(path / "a.yaml", manifest("a")));
    REQUIRE(manifests.scan().pods.size() == 1);
    must(write_file(path / "b.yaml", manifest("b")));
    REQUIRE(changed(manifests)); // it is watched again
}

TEST_CASE("one file can be the source, too", "[agent]") {
    const TemporaryDirectory directory = scratch();
    must(write_file(directory.path() / "a.yaml", manifest("a")));
    REQUIRE(must(Manifests::open(directory.path() / "a.yaml", "node")).scan().pods.size() == 1);
}
