// SPDX-License-Identifier: Apache-2.0
#include <csignal>
#include <sys/socket.h>
#include <thread>

#include "tests/integration/monitor/monitor_fixture.h"

using namespace ballast;
using namespace ballast::monitor;
using namespace ballast::monitor_tests;

TEST_CASE_METHOD(MonitorFixture, "an exec has its own output and status, and none of it is in the log", "[root]") {
    configure({"wait"});
    run();
    create_exec(1, {"both"});
    const Fd client = attach({.session = 1, .output = true, .errors = true});
    const std::uint32_t pid = must(control->call<Started>(ExecStart{1}, kPatience)).pid;
    const std::string all = all_of(client);
    CHECK(unframed(all, 1) == "to stdout\n");
    CHECK(unframed(all, 2) == "to stderr\n");
    const Event end = ended(1);
    CHECK(end.pid == pid);
    CHECK(end.end.status == 0);
    exec(2, {"exit", "9"});
    CHECK(ended(2).end.status == 9);
    CHECK(logged() == "ready\n");
    const State now = state();
    REQUIRE(now.sessions.size() == 3);
    CHECK(now.sessions[2].name == "exec2");
    CHECK(now.sessions[2].phase == Phase::kEnded);
    CHECK(now.sessions[2].end.status == 9);
    must(control->call<Done>(ExecForget{2}, kPatience));
    CHECK(state().sessions.size() == 2);
    CHECK(error_of(control->call<Done>(ExecForget{2}, kPatience)).code == ESRCH);
}

TEST_CASE_METHOD(MonitorFixture, "an exec's input ends with its client's", "[root]") {
    configure({"wait"});
    run();
    create_exec(1, {"copy"}, false, true);
    const Fd client = attach({.session = 1, .input = true, .output = true, .close_input = true});
    must(control->call<Started>(ExecStart{1}, kPatience));
    must(write_all(client, "hello\n"));
    REQUIRE(shutdown(client.get(), SHUT_WR) == 0);
    CHECK(unframed(all_of(client), 1) == "hello\nend\n");
    CHECK(ended(1).end.status == 0);
}

TEST_CASE_METHOD(MonitorFixture, "an exec's terminal is resized on its own", "[root]") {
    configure({"wait"});
    run();
    create_exec(3, {"sizes"}, true, true);
    must(control->call<Done>(Resize{.session = 3, .rows = 11, .columns = 22}, kPatience)); // before it is started
    const Fd client = attach({.session = 3, .input = true, .output = true});
    must(control->call<Started>(ExecStart{3}, kPatience));
    CHECK(read_until(client, "11x22").contains("11x22"));
    must(control->call<Done>(Resize{.session = 3, .rows = 33, .columns = 44}, kPatience));
    CHECK(read_until(client, "33x44").contains("33x44"));
    must(write_all(client, "q\n"));
    all_of(client);
    CHECK(ended(3).end.status == 0);
    CHECK(error_of(control->call<Done>(Resize{.rows = 1, .columns = 1}, kPatience)).code == EINVAL);
}

TEST_CASE_METHOD(MonitorFixture, "an exec that cannot start says why and is gone", "[root]") {
    configure({"wait"});
    run();
    create_exec(1, {"exit", "0"});
    oci_tests::Json process = oci_tests::Json::parse(must(read_file(directory() / "process1")));
    process["args"] = {"/absent"};
    must(write_file(directory() / "process1", process.dump()));
    const Fd client = attach({.session = 1, .output = true, .errors = true});
    const Error error = error_of(control->call<Started>(ExecStart{1}, kPatience));
    CAPTURE(error.message);
    CHECK(error.message.contains("/absent"));
    CHECK(control->failure().exit_status > 0);
    CHECK(all_of(client).empty());
    CHECK(error_of(control->call<Started>(ExecStart{1}, kPatience)).code == ESRCH);
}

TEST_CASE_METHOD(MonitorFixture, "a slow client of an exec slows the exec down and loses nothing", "[root]") {
    settings.stall_ms = 100;
    configure({"wait"});
    run();
    create_exec(1, {"megabytes", "3"});
    const Fd client = attach({.session = 1, .output = true});
    must(control->call<Started>(ExecStart{1}, kPatience));
    std::this_thread::sleep_for(500ms); // longer than a client of the container's own output would have
    CHECK(unframed(all_of(client), 1).size() == 3UL << 20);
    CHECK(ended(1).end.status == 0);
}

TEST_CASE_METHOD(MonitorFixture, "execs end with their container, and their ends are told", "[root]") {
    configure({"wait"});
    const std::uint32_t pid = run();
    exec(1, {"wait"});
    REQUIRE(kill(static_cast<pid_t>(pid), SIGKILL) == 0);
    for (int left = 2; left > 0;) {
        const auto event = must(message_of<Event>(must(events->receive(kPatience))));
        left -= event.kind == Event::Kind::kEnded ? 1 : 0;
        CHECK((event.kind != Event::Kind::kEnded || event.end.status == 137));
    }
    CHECK(monitor_ended() == 0);
}
