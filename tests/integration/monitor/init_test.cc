// SPDX-License-Identifier: Apache-2.0
// `docker run --init`: the tiny init as the container's first process.
#include <csignal>

#include "tests/integration/monitor/monitor_fixture.h"

using namespace ballast;
using namespace ballast::monitor;
using namespace ballast::monitor_tests;

namespace {

class InitFixture : public MonitorFixture {
  public:
    void configure_init(const std::vector<std::string> &words, bool terminal = false) {
        std::filesystem::copy_file(BALLAST_INIT_PROGRAM, bundle() / "rootfs/bin/init");
        configure(words, [&](oci_tests::Json &config) {
            oci_tests::Json args = {"/bin/init", "--"};
            for (const std::string &word : words) {
                args.push_back(word);
            }
            config["process"]["args"] = args;
            config["process"]["terminal"] = terminal;
        });
    }
};

} // namespace

TEST_CASE_METHOD(InitFixture, "init ends as its child ends", "[root]") {
    configure_init({"inside", "exit", "42"}); // found in PATH
    run();
    CHECK(ended().end.status == 42);
}

TEST_CASE_METHOD(InitFixture, "a child that is killed gives 128 and the signal", "[root]") {
    configure_init({"/bin/inside", "kill", "6"});
    run();
    CHECK(ended().end.status == 134);
}

TEST_CASE_METHOD(InitFixture, "init passes signals on and is pid 1", "[root]") {
    configure_init({"inside", "wait"});
    spawn();
    const Fd client = attach({.output = true});
    const std::uint32_t pid = run();
    read_until(client, "ready");
    REQUIRE(kill(static_cast<pid_t>(pid), SIGTERM) == 0);
    CHECK(ended().end.status == 15);
}

TEST_CASE_METHOD(InitFixture, "orphans are reaped", "[root]") {
    configure_init({"inside", "orphan"});
    run();
    ended();
    CHECK(logged() == "no zombies\n");
}

TEST_CASE_METHOD(InitFixture, "a program that is not there gives 127", "[root]") {
    configure_init({"nowhere"});
    run();
    CHECK(ended().end.status == 127);
    CHECK(logged() == "ballast-container-init: nowhere: no such file or directory\n");
}

TEST_CASE_METHOD(InitFixture, "a program that may not be executed gives 126", "[root]") {
    must(write_file(bundle() / "rootfs/bin/text", "not a program", 0644));
    configure_init({"/bin/text"});
    run();
    CHECK(ended().end.status == 126);
}

TEST_CASE_METHOD(InitFixture, "the child has the terminal's foreground", "[root]") {
    settings.terminal = settings.open_input = true;
    configure_init({"inside", "wait"}, true);
    spawn();
    const Fd client = attach();
    run();
    read_until(client, "ready");
    must(write_all(client, "\x03")); // ctrl-c
    CHECK(ended().end.status == 128 + SIGINT);
}
