// SPDX-License-Identifier: Apache-2.0
// What becomes of containers when the machine shuts down, and when it is there again.
#include "base/file_io.h"
#include "tests/vm/engine/docker_machine.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

// Waits, and does `last` when `signal` comes; it has said so before.
void start(Machine &machine, const std::string &name, const std::string &options, const std::string &signal,
           const std::string &last) {
    must(machine.run_checked("docker run -d --name " + name + " --network none " + options + " busybox sh -c 'trap \"" +
                             last + "\" " + signal + "; touch /ready; while :; do sleep 0.1; done'"));
    must(machine.run_checked("for i in $(seq 100); do docker exec " + name +
                             " test -e /ready && exit 0; sleep 0.2; "
                             "done; exit 1"));
}

std::string state(Machine &machine, const std::string &name) {
    return said(machine, "docker inspect -f '{{.State.Status}} {{.State.ExitCode}}' " + name);
}

} // namespace

TEST_CASE("a shutdown stops containers as docker stop does, before what they need is gone", "[vm]") {
    Machine machine = with_scripts();
    start(machine, "writes", "--restart always -v kept:/data", "TERM", "echo bye >/data/bye; exit 3");
    start(machine, "asks", "--stop-signal SIGINT", "INT", "exit 4");
    start(machine, "ignores", "--stop-timeout 3", "TERM", ":");
    start(machine, "once", "--rm", "TERM", "exit 0");
    start(machine, "failing", "--restart on-failure", "TERM", "exit 5");
    start(machine, "by-hand", "--restart unless-stopped -v kept:/data", "TERM", "exit 0");
    start(machine, "paused", "", "TERM", "exit 6");
    must(machine.run_checked("docker stop by-hand && docker pause paused"));
    // The engine may start again at any moment; nobody notices.
    must(machine.run_checked("systemctl restart ballastd"));
    CHECK(state(machine, "writes") == "running 0");

    must(machine.reboot());
    CHECK(said(machine, "cat /var/lib/ballast/volumes/kept/_data/bye") == "bye");
    CHECK(state(machine, "asks") == "exited 4");
    CHECK(state(machine, "ignores") == "exited 137");
    CHECK(state(machine, "by-hand") == "exited 0");
    CHECK(state(machine, "paused") == "exited 6");
    for (const char *name : {"writes", "failing"}) {
        must(machine.run_checked(std::string("for i in $(seq 100); do docker exec ") + name +
                                 " test -e /ready && exit 0; sleep 0.2; done; exit 1"));
        CHECK(state(machine, name) == "running 0");
    }
    check_says_nothing(machine, "docker ps -aq --filter name=once");
    // Who restarted ended with its own status, and was not started again while the machine went down.
    const std::string events = "docker events --since 0 --until \"$(date +%s.%N)\" --format '{{.Action}} "
                               "{{.Actor.Attributes.exitCode}}' --filter event=die --filter container=";
    CHECK(said(machine, events + "writes") == "die 3");
    CHECK(said(machine, events + "failing") == "die 5");
    // Nothing had to be killed by systemd, and what containers had mounted was let go.
    check_says_nothing(machine, "journalctl -b -1 -o cat | grep -E 'timed out|Failed unmounting.*ballast' || true");
    const std::string console = must(read_file(machine.serial_log()));
    CHECK_FALSE(console.contains("stop-sigterm"));
}
