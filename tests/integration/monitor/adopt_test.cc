// SPDX-License-Identifier: Apache-2.0
// A monitor that is killed, and the one in its place.
#include <csignal>
#include <poll.h>
#include <sys/wait.h>

#include "tests/integration/monitor/monitor_fixture.h"

using namespace ballast;
using namespace ballast::monitor;
using namespace ballast::monitor_tests;

namespace {

class AdoptFixture : public MonitorFixture {
  public:
    // What ballastd keeps from each start on.
    void keep() { kept = must(control->hand_over(kPatience)); }

    void kill_monitor() {
        REQUIRE(kill(spawned.pid, SIGKILL) == 0);
        REQUIRE(waitpid(spawned.pid, nullptr, 0) == spawned.pid);
        spawned.pid = -1;
        control.reset();
        events.reset();
    }

    void replace_monitor(std::uint32_t pid) {
        std::vector<BorrowedFd> descriptors;
        AdoptedSession own{.terminal = settings.terminal, .input_once = settings.input_once, .pid = pid};
        for (const Connection::HandedOver &one : kept) {
            const auto place = static_cast<std::int32_t>(descriptors.size());
            descriptors.emplace_back(one.fd);
            std::int32_t &to = one.what.role == Role::kInput     ? own.input
                               : one.what.role == Role::kOutput  ? own.output
                               : one.what.role == Role::kErrors  ? own.errors
                               : one.what.role == Role::kProcess ? own.process
                                                                 : own.log_state;
            to = place;
        }
        settings.adopted = {own};
        spawned = must(monitor::spawn(BALLAST_MONITOR_PROGRAM, settings, descriptors));
        control = must(Connection::over(std::move(spawned.control), Purpose::kControl, kPatience));
        events = must(Connection::connect(settings.socket, Purpose::kEvents, kPatience));
        must(message_of<State>(must(events->receive(kPatience))));
    }

    std::vector<Connection::HandedOver> kept;
};

std::string lines(int count) {
    std::string text;
    for (int i = 1; i <= count; ++i) {
        text += "line " + std::to_string(i) + "\n";
    }
    return text;
}

} // namespace

TEST_CASE_METHOD(AdoptFixture, "a monitor that is killed again and again loses no line and repeats none", "[root]") {
    configure({"slow-lines", "3000"});
    const std::uint32_t pid = run();
    keep();
    for (int i = 0; i < 8; ++i) {
        usleep(static_cast<useconds_t>(20'000 + 3'137 * i));
        kill_monitor();
        replace_monitor(pid);
    }
    int status = 0;
    REQUIRE(waitpid(static_cast<pid_t>(pid), &status, 0) == static_cast<pid_t>(pid)); // ours, since the first kill
    must(control->call<Done>(TellExit{.wait_status = status, .time_ns = 5}, kPatience));
    const Event end = ended();
    CHECK(end.end.known);
    CHECK(end.end.status == 0);
    CHECK(end.end.time_ns == 5);
    CHECK(end.end.output_complete);
    CHECK(logged() == lines(3000));
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(AdoptFixture, "an adopted container keeps its input, and can be attached to", "[root]") {
    settings.open_input = settings.input_once = true;
    configure({"copy"});
    const std::uint32_t pid = run();
    keep();
    kill_monitor();
    replace_monitor(pid);
    const Fd client = attach();
    must(write_all(client, "after the fall\n"));
    read_until(client, "after the fall\n");
    kept.clear(); // else our own copy would keep the pipe open
    must(control->call<Done>(CloseStdin{}, kPatience));
    CHECK(unframed(all_of(client), 1) == "end\n");
    ended();
    CHECK(logged() == "after the fall\nend\n");
    (void)waitpid(static_cast<pid_t>(pid), nullptr, 0);
}

TEST_CASE_METHOD(AdoptFixture, "a status that nobody tells is lost, and the record says so", "[root]") {
    configure({"wait"});
    const std::uint32_t pid = run();
    keep();
    kill_monitor();
    replace_monitor(pid);
    REQUIRE(kill(static_cast<pid_t>(pid), SIGKILL) == 0);
    (void)waitpid(static_cast<pid_t>(pid), nullptr, 0);
    const Event end = ended();
    CHECK_FALSE(end.end.known);
    CHECK(end.end.status == 255);
    CHECK_FALSE(record().end.known);
    CHECK(monitor_ended() == 0);
}

TEST_CASE_METHOD(AdoptFixture, "a terminal is adopted with its size", "[root]") {
    settings.terminal = settings.open_input = true;
    settings.rows = 30;
    settings.columns = 60;
    configure({"sizes"}, [](oci_tests::Json &config) { config["process"]["terminal"] = true; });
    const std::uint32_t pid = run();
    keep();
    kill_monitor();
    replace_monitor(pid);
    const Fd client = attach();
    must(control->call<Done>(Resize{.rows = 31, .columns = 61}, kPatience));
    CHECK(read_until(client, "31x61").contains("31x61"));
    must(write_all(client, "x\n"));
    CHECK(read_until(client, "typed x").contains("typed x"));
    int status = 0;
    REQUIRE(waitpid(static_cast<pid_t>(pid), &status, 0) == static_cast<pid_t>(pid));
    must(control->call<Done>(TellExit{.wait_status = status}, kPatience));
    CHECK(ended().end.status == 0);
}
