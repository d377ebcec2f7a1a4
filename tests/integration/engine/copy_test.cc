// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>
#include <unistd.h>

#include "tests/integration/engine/engine_fixture.h"

namespace ballast::engine_tests {

TEST_CASE("files go in and come out, of running and of stopped containers", "[engine][root]") {
    EngineFixture fixture;
    must(fixture.engine().create(fixture.request({"wait"}, "web")));
    must(fixture.copy_in("web", "/tmp", fixture.archive({{"before", "1"}})));
    CHECK(must(fixture.copy_out("web", "/tmp/before")) == "1");
    must(fixture.engine().start("web"));
    must(fixture.copy_in("web", "/tmp", fixture.archive({{"running", "2"}})));
    CHECK(must(fixture.copy_out("web", "/tmp/running")) == "2");
    CHECK(must(fixture.copy_out("web", "/tmp/before")) == "1");
    must(fixture.engine().kill("web"));
    CHECK(must(fixture.copy_out("web", "/tmp/running")) == "2");
    CHECK(fixture.copy_out("web", "/none").error().message.starts_with("Could not find the file /none in container"));
    CHECK(must(fixture.engine().stat_path("web", "/tmp/running")).size == 1);
}

TEST_CASE("a link in the container leads a copy nowhere but into the container", "[engine][root]") {
    EngineFixture fixture;
    const fs::path outside = fs::temp_directory_path() / "ballast-outside";
    must(make_directories(outside));
    must(write_file(outside / "secret", "host"));
    must(fixture.engine().create(fixture.request({"wait"}, "web")));
    const fs::path upper = fixture.root() / "data/containers" / must(fixture.engine().inspect("web")).id / "upper";
    fs::create_symlink("/../../../../../.." + outside.string(), upper / "out");
    fs::create_symlink("/../../../../../.." + outside.string() + "/secret", upper / "file");
    for (const bool running : {false, true}) {
        if (running) {
            must(fixture.engine().start("web"));
        }
        INFO("running: " << running);
        CHECK_FALSE(fixture.copy_in("web", "/out", fixture.archive({{"planted", "x"}})));
        CHECK_FALSE(fixture.copy_out("web", "/out/secret"));
        CHECK(must(fixture.copy_out("web", "/file")).starts_with("not a file: "));
        CHECK_FALSE(fixture.copy_in("web", "/tmp", fixture.archive({{"../../escape", "x"}})));
        CHECK_FALSE(fs::exists(outside / "planted"));
    }
    must(remove_tree(outside));
}

TEST_CASE("a directory that changes into a link while it is copied to is never followed outside", "[engine][root]") {
    EngineFixture fixture;
    const fs::path outside = fs::temp_directory_path() / "ballast-outside";
    must(make_directories(outside));
    must(write_file(outside / "secret", "host"));
    fixture.start({"swap"}, "web");
    const std::string archive = fixture.archive({{"planted", "x"}});
    for (int round = 0; round < 300; round++) {
        (void)fixture.copy_in("web", "/swap", archive); // may fail: that is the point of the race
        const Result<std::string> secret = fixture.copy_out("web", "/swap/secret");
        CHECK_FALSE((secret && *secret == "host"));
    }
    CHECK_FALSE(fs::exists(outside / "planted"));
    must(remove_tree(outside));
}

TEST_CASE("what a container changed is listed, exported and committed", "[engine][root]") {
    EngineFixture fixture;
    CHECK(fixture.run({"write", "/tmp/new", "x"}, "web") == 0);
    bool added = false;
    for (const engine::Change &change : must(fixture.engine().changes("web"))) {
        added = added || (change.path == "/tmp/new" && change.kind == engine::Change::Kind::kAdded);
        CHECK_FALSE(change.path.starts_with("/dev"));
    }
    CHECK(added);
    std::size_t bytes = 0;
    must(fixture.engine().export_filesystem("web", [&bytes](std::string_view part) -> Status {
        bytes += part.size();
        return {};
    }));
    CHECK(bytes > 10000);
    engine::CommitRequest commit;
    commit.repository = "changed";
    CHECK(must(fixture.engine().commit("web", commit)).starts_with("sha256:"));
    engine::CreateRequest request = fixture.request({"cat", "/tmp/new"}, "child");
    request.config.image = "changed";
    must(fixture.engine().create(request));
    must(fixture.engine().start("child"));
    CHECK(must(fixture.engine().wait("child", engine::WaitCondition::kNotRunning)).exit_code == 0);
    CHECK(fixture.output("child") == "x");
}

} // namespace ballast::engine_tests
