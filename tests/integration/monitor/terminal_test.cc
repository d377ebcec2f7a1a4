// SPDX-License-Identifier: Apache-2.0
#include <csignal>

#include "runtime/monitor/detach_keys.h"
#include "tests/integration/monitor/monitor_fixture.h"

using namespace ballast;
using namespace ballast::monitor;
using namespace ballast::monitor_tests;

namespace {

void terminal(oci_tests::Json &config) { config["process"]["terminal"] = true; }

} // namespace

TEST_CASE_METHOD(MonitorFixture, "a terminal has its size from the start and changes it", "[root]") {
    settings.terminal = settings.open_input = true;
    settings.rows = 25;
    settings.columns = 90;
    configure({"sizes"}, [](oci_tests::Json &config) {
        terminal(config);
        config["process"]["consoleSize"] = {{"height", 25}, {"width", 90}};
    });
    spawn();
    const Fd client = attach();
    run();
    CHECK(read_until(client, "\n") == "25x90\r\n");
    must(control->call<Done>(Resize{.rows = 40, .columns = 120}, kPatience));
    CHECK(read_until(client, "\n") == "40x120\r\n");
    must(write_all(client, "q\n"));
    CHECK(all_of(client).ends_with("typed q\r\n"));
    CHECK(ended().end.output_complete);
    CHECK(logged().contains("40x120\r\n"));
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "detach keys end their client and nothing else", "[root]") {
    settings.terminal = settings.open_input = true;
    configure({"sizes"}, terminal);
    run();
    const Fd other = attach();
    const Fd client = attach({.input = true, .output = true, .detach_keys = std::string(kDefaultDetachKeys)});
    must(write_all(client, "\x10\x11"));
    all_of(client); // ends
    CHECK(event(Event::Kind::kDetached).session == 0);
    CHECK(state().sessions.front().phase == Phase::kRunning);
    must(write_all(other, "z\n"));
    CHECK(read_until(other, "typed z").contains("typed z"));
    CHECK(ended().end.status == 0);
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(MonitorFixture, "control characters reach the program as signals", "[root]") {
    settings.terminal = settings.open_input = true;
    configure({"copy"}, terminal);
    run();
    const Fd client = attach();
    must(write_all(client, "\x04")); // end of input, for a terminal
    CHECK(all_of(client).contains("end\r\n"));
    CHECK(ended().end.status == 0);
    CHECK(monitor_ended() == 0);
}
