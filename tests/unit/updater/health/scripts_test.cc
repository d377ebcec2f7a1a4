// SPDX-License-Identifier: Apache-2.0
#include "updater/health/scripts.h"

#include <sys/stat.h>

#include "tests/unit/check.h"
#include "tests/unit/updater/health/fake_machine.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;

struct Scripts {
    TemporaryDirectory directory = scratch();
    HealthConfig config{.scripts = directory.path()};
    FakeMachine machine;

    void put(const std::string &name, const std::string &body, mode_t mode = 0755) const {
        const fs::path file = directory.path() / name;
        must(make_directories(file.parent_path()));
        must(write_file(file, "#!/bin/sh\n" + body));
        REQUIRE(::chmod(file.c_str(), mode) == 0);
    }
    std::vector<CheckResult> run() { return run_scripts(config, machine.surroundings()); }
};

} // namespace

TEST_CASE("without scripts there is nothing to fail", "[health]") { CHECK(Scripts().run().empty()); }

TEST_CASE("scripts run by name, required ones first, and their output is kept in its order", "[health]") {
    Scripts scripts;
    scripts.put("wanted.d/05-later", "exit 3");
    scripts.put("required.d/20-second", "kill -9 $$");
    scripts.put("required.d/10-first", "echo one; echo two >&2; echo three");
    const std::vector<CheckResult> results = scripts.run();
    REQUIRE(results.size() == 3);
    CHECK(results[0].name == "required.d/10-first");
    CHECK(results[0].passed);
    CHECK(results[0].message == "exit status 0");
    CHECK(results[0].evidence == std::vector<std::string>{"one", "two", "three"});
    CHECK(results[1].name == "required.d/20-second");
    CHECK(!results[1].passed);
    CHECK(results[1].message == "killed by signal 9");
    CHECK(results[2].name == "wanted.d/05-later");
    CHECK(!results[2].required);
    CHECK(results[2].message == "exit status 3");
}

TEST_CASE("a script that never ends is killed, and what it printed is kept", "[health]") {
    Scripts scripts;
    scripts.config.script_time = std::chrono::seconds(1);
    scripts.put("required.d/hangs", "echo waiting; sleep 1000; echo never");
    const std::vector<CheckResult> results = scripts.run();
    REQUIRE(results.size() == 1);
    CHECK(!results[0].passed);
    CHECK(results[0].message == "killed: it took longer than 1 s");
    CHECK(results[0].evidence == std::vector<std::string>{"waiting"});
}

TEST_CASE("a shell script that is not executable fails, other files are left alone", "[health]") {
    Scripts scripts;
    scripts.put("required.d/forgotten.sh", "exit 0", 0644);
    scripts.put("required.d/README", "read me", 0644);
    scripts.put("required.d/.hidden", "exit 1");
    fs::create_directory(scripts.directory.path() / "required.d/directory");
    fs::create_symlink("nowhere", scripts.directory.path() / "required.d/dangling");
    const std::vector<CheckResult> results = scripts.run();
    REQUIRE(results.size() == 1);
    CHECK(results[0].name == "required.d/forgotten.sh");
    CHECK(!results[0].passed);
    CHECK(results[0].message.starts_with("it is not executable: chmod +x "));
}

TEST_CASE("a script that prints without end keeps its last lines only", "[health]") {
    Scripts scripts;
    scripts.put("required.d/loud", "seq 1 100000");
    const std::vector<CheckResult> results = scripts.run();
    REQUIRE(results.size() == 1);
    CHECK(results[0].evidence.back() == "100000");
    CHECK(results[0].evidence.size() < 20'000);
}

TEST_CASE("a script without interpreter fails", "[health]") {
    Scripts scripts;
    must(make_directories(scripts.directory.path() / "required.d"));
    must(write_file(scripts.directory.path() / "required.d/x", "#!/nowhere/sh\n"));
    REQUIRE(::chmod((scripts.directory.path() / "required.d/x").c_str(), 0755) == 0);
    const std::vector<CheckResult> results = scripts.run();
    REQUIRE(results.size() == 1);
    CHECK(!results[0].passed);
}

} // namespace ballast::updater::health
