// SPDX-License-Identifier: Apache-2.0
// The engine as a machine has it: started by systemd, containers in scopes of their own, limits in cgroups.
#include <iostream>

#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

// With an image "t" whose only program is /inside.
Machine with_image() {
    Machine machine = booted();
    must(machine.copy_in(BALLAST_INSIDE_PROGRAM, "/var/lib/test/inside"));
    must(machine.run_checked("tar -C /var/lib/test -c inside | docker import - t"));
    return machine;
}

std::string docker(Machine &machine, const std::string &words) { return said(machine, "docker " + words); }

// A file of the cgroup that the container's first process is in.
std::string cgroup_file(Machine &machine, const std::string &container, const std::string &file) {
    return said(machine, "cat /sys/fs/cgroup$(sed -n 's/^0:://p' /proc/$(docker inspect -f '{{.State.Pid}}' " +
                             container + ")/cgroup)/" + file);
}

// Made for a process that is dead and not waited for: the kernel moves none into it, so it is never empty "again".
void make_empty_scope(Machine &machine, const std::string &unit) {
    must(machine.run_checked(
        "sh -c 'true & exec sleep 600' >/dev/null 2>&1 & parent=$!; "
        "for i in $(seq 100); do child=$(pgrep -r Z -P $parent) && break; sleep 0.1; done; "
        "busctl call org.freedesktop.systemd1 /org/freedesktop/systemd1 org.freedesktop.systemd1.Manager "
        "StartTransientUnit 'ssa(sv)a(sa(sv))' " +
        unit + " fail 2 PIDs au 1 $child Delegate b true 0; kill $parent"));
}

bool becomes(Machine &machine, const std::string &command, const std::string &wanted) {
    return must(machine.run("for i in $(seq 100); do [ \"$(" + command + ")\" = \"" + wanted +
                            "\" ] && exit 0; sleep 0.2; done; exit 1"))
               .status == 0;
}

} // namespace

TEST_CASE("docker works on a first boot with nothing configured", "[vm]") {
    Machine machine = with_image();
    CHECK(said(machine, "systemctl is-active ballastd.socket ballastd.service") == "active\nactive");
    CHECK(said(machine, "stat -c '%a %U %G' /run/docker.sock") == "660 root docker");
    CHECK(docker(machine, "run --rm --network none t /inside echo hello") == "hello");
    CHECK(must(machine.run("docker run --rm --network none t /inside exit 7")).status == 7);
    CHECK(must(machine.run("docker run --rm --network none t /nosuch")).status == 127);
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
    // Nothing of it is left.
    check_says_nothing(machine, "docker ps -aq; ls /run/ballast/containers /run/ballast/monitor | grep -v :$ | grep .; "
                                "grep /run/ballast /proc/self/mountinfo; true");
}

TEST_CASE("limits of docker run are in the container's cgroup, and what exceeds them is told", "[vm]") {
    Machine machine = with_image();
    docker(machine, "run -d --name limited --network none --memory 100m --memory-swap 100m --cpus 0.5 --pids-limit 50 "
                    "t /inside wait");
    CHECK(cgroup_file(machine, "limited", "memory.max") == "104857600");
    CHECK(cgroup_file(machine, "limited", "memory.swap.max") == "0");
    CHECK(cgroup_file(machine, "limited", "cpu.max") == "50000 100000");
    CHECK(cgroup_file(machine, "limited", "pids.max") == "50");
    docker(machine, "update --memory 200m --memory-swap 200m limited");
    CHECK(cgroup_file(machine, "limited", "memory.max") == "209715200");
    CHECK(docker(machine, "stats --no-stream --format '{{.Name}} {{.PIDs}}' limited") == "limited 1");
    docker(machine, "pause limited");
    CHECK(cgroup_file(machine, "limited", "cgroup.freeze") == "1");
    CHECK(docker(machine, "inspect -f '{{.State.Status}}' limited") == "paused");
    docker(machine, "unpause limited");
    CHECK(docker(machine, "top limited -o pid,args").ends_with("/inside wait"));
    docker(machine, "rm -f limited");
    check_says_nothing(machine, "find /sys/fs/cgroup -name '*limited*'; docker ps -aq");
}

TEST_CASE("a container lives on when the engine is killed, and is known again; a scope without one goes", "[vm]") {
    Machine machine = with_image();
    const std::string scope = "ballast-" + std::string(64, 'a') + ".scope";
    make_empty_scope(machine, scope);
    CHECK(becomes(machine, "systemctl is-active " + scope, "active"));
    docker(machine, "run -d --name kept --network none --restart unless-stopped t /inside wait");
    const std::string pid = docker(machine, "inspect -f '{{.State.Pid}}' kept");
    must(machine.run_checked("systemctl kill --signal=KILL ballastd.service"));
    CHECK(becomes(machine, "docker inspect -f '{{.State.Status}} {{.State.Pid}}' kept 2>&1", "running " + pid));
    CHECK(docker(machine, "exec kept /inside echo there") == "there");
    check_says_nothing(machine, "systemctl list-units --all --no-legend --plain " + scope);
    must(machine.run_checked("systemctl restart ballastd.service"));
    CHECK(becomes(machine, "docker inspect -f '{{.State.Status}} {{.State.Pid}}' kept 2>&1", "running " + pid));
    docker(machine, "stop -t 2 kept");
    CHECK(docker(machine, "inspect -f '{{.State.Status}}' kept") == "exited");
    docker(machine, "rm kept");
}

TEST_CASE("engine and monitor are small", "[vm]") {
    Machine machine = with_image();
    docker(machine, "run -d --name idle --network none t /inside wait");
    must(machine.run_checked("sleep 5")); // what idles has given back what it took
    const std::string pss = "sed -n 's/^Pss: *\\([0-9]*\\) kB/\\1/p' /proc/$(pidof -s NAME)/smaps_rollup";
    const auto kib = [&](const std::string &name) {
        std::string command = pss;
        command.replace(command.find("NAME"), 4, name);
        return std::stoul(said(machine, command));
    };
    const unsigned long engine = kib("ballastd"), monitor = kib("ballast-monitor");
    std::cout << "PSS: ballastd " << engine << " KiB, ballast-monitor " << monitor << " KiB\n";
    CHECK(engine < 16384);
    CHECK(monitor < 1024);
}
