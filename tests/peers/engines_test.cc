// SPDX-License-Identifier: Apache-2.0
// The engines that people have, with ballast-oci as their runtime.
#include <catch2/catch_test_macros.hpp>

#include "base/file_io.h"
#include "base/subprocess.h"
#include "tests/peers/peer_machine.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

namespace fs = std::filesystem;

constexpr const char *kImage = "localhost/busybox:latest";
const std::string kPodman = std::string("podman --runtime ") + kOurs;
const std::string kRun = kPodman + " run --rm --network none ";

// The image comes as a layout and goes into the engines' store: nothing is pulled.
vm::Machine machine_with_image() {
    vm::Machine machine = peer_machine();
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/tmp", "engines-"));
    build_images(scratch.path(), {"busybox"});
    must(machine.copy_in(scratch.path() / "busybox", "/var/lib/peers/busybox"));
    run(machine, std::string("skopeo copy -q oci:/var/lib/peers/busybox containers-storage:") + kImage);
    return machine;
}

// stdout without the newline at its end.
std::string line(vm::Machine &machine, const std::string &command) {
    std::string output = run(machine, command);
    while (output.ends_with('\n') || output.ends_with('\r')) {
        output.pop_back();
    }
    return output;
}

std::string shell(const std::string &options, const std::string &script) {
    return kRun + options + " " + kImage + " sh -c '" + script + "'";
}

} // namespace

TEST_CASE("podman's limits arrive in the container's cgroup", "[peers][vm]") {
    vm::Machine machine = machine_with_image();
    const auto file = [&](const std::string &options, const std::string &name) {
        return line(machine, shell(options, "cat /sys/fs/cgroup/" + name));
    };
    CHECK(file("--memory 64m", "memory.max") == "67108864");
    CHECK(file("--memory 64m --memory-swap 96m", "memory.swap.max") == "33554432");
    CHECK(file("--memory-reservation 32m", "memory.low") == "33554432");
    CHECK(file("--cpus 0.5", "cpu.max") == "50000 100000");
    CHECK(file("--cpuset-cpus 0", "cpuset.cpus") == "0");
    CHECK(file("--pids-limit 42", "pids.max") == "42");
    CHECK(file("--cgroup-manager cgroupfs --pids-limit 43", "pids.max") == "43");
    CHECK(line(machine, shell("--ulimit nofile=100:200", "ulimit -n; ulimit -Hn")) == "100\n200");
    CHECK(line(machine, shell("--oom-score-adj 500", "cat /proc/self/oom_score_adj")) == "500");
    // More than the limit is killed, and said so.
    const Completed killed = must(machine.run(shell("--memory 16m --memory-swap 16m", "head -c 64m /dev/zero | tail")));
    CHECK(killed.status != 0);
}

TEST_CASE("podman's security options hold in the container", "[peers][vm]") {
    vm::Machine machine = machine_with_image();
    const auto status = [&](const std::string &options, const std::string &key) {
        return line(machine, shell(options, "grep ^" + key + ": /proc/self/status | cut -f2"));
    };
    CHECK(status("", "Seccomp") == "2");
    CHECK(status("--security-opt seccomp=unconfined", "Seccomp") == "0");
    CHECK(status("--security-opt seccomp=/usr/share/containers/seccomp.json", "Seccomp") == "2");
    CHECK(status("--security-opt no-new-privileges", "NoNewPrivs") == "1");
    CHECK(status("--cap-drop all", "CapBnd") == "0000000000000000");
    CHECK(status("--cap-drop all --cap-add net_raw", "CapEff") == "0000000000002000");
    CHECK(status("--privileged", "Seccomp") == "0");
    CHECK(status("--user 1000:1001", "Uid") == "1000"); // the first of four
    CHECK(must(machine.run(shell("--read-only", "echo x >/file"))).status == 1);
    CHECK(line(machine, shell("--read-only --tmpfs /scratch:size=1m", "echo x >/scratch/file; cat /scratch/file")) ==
          "x");
    CHECK(line(machine, shell("--uidmap 0:100000:65536 --gidmap 0:100000:65536", "cat /proc/self/uid_map; id -u"))
              .contains("100000"));
    CHECK(line(machine, shell("--uidmap 0:100000:65536", "touch /made; stat -c %u /made")) == "0");
    CHECK(must(machine.run(shell("", "hostname other"))).status != 0);
    CHECK(must(machine.run(shell("", "echo 1 >/proc/sys/kernel/panic"))).status != 0);
}

TEST_CASE("podman's other options arrive in the container", "[peers][vm]") {
    vm::Machine machine = machine_with_image();
    CHECK(line(machine, shell("--hostname named", "hostname")) == "named");
    CHECK(line(machine, shell("--sysctl net.core.somaxconn=99", "cat /proc/sys/net/core/somaxconn")) == "99");
    CHECK(line(machine, shell("--device /dev/fuse", "stat -c %t:%T /dev/fuse")) == "a:e5");
    CHECK(line(machine, shell("--init", "cat /proc/1/comm")) != "sh");
    CHECK(line(machine, shell("--systemd=false --workdir /tmp --env A=b", "pwd; echo $A")) == "/tmp\nb");
    CHECK(line(machine, shell("--volume /usr/share/containers:/data:ro", "test -s /data/seccomp.json; "
                                                                         "touch /data/x 2>/dev/null; echo $?")) == "1");
    CHECK(must(machine.run(kRun + kImage + " sh -c 'exit 7'")).status == 7);
    CHECK(must(machine.run(kRun + kImage + " no-such-program")).status == 127);
    CHECK(must(machine.run(kRun + kImage + " /etc/passwd")).status == 126);
    // A terminal: podman -it under script(1), which gives it one.
    const std::string terminal = line(machine, "script -qec '" + kRun + "-it " + kImage +
                                                   " sh -c \"tty; test -t 1 && echo terminal\"' /dev/null");
    CHECK(terminal.contains("/dev/pts/0"));
    CHECK(terminal.contains("terminal"));
}

TEST_CASE("podman leads a container through its life", "[peers][vm]") {
    vm::Machine machine = machine_with_image();
    const auto podman = [&](const std::string &arguments) { return line(machine, kPodman + " " + arguments); };
    const auto state = [&] { return podman("inspect --format '{{.State.Status}}' life"); };
    podman("run -d --name life --network none --health-cmd 'test -e /tmp' --health-interval disable --stop-timeout 1 " +
           std::string(kImage) + " sleep 1000");
    CHECK(state() == "running");
    CHECK(podman("exec life sh -c 'echo $$; cat /proc/1/comm'").contains("sleep"));
    CHECK(podman("exec --user 1000 --workdir /tmp --env A=b life sh -c 'id -u; pwd; echo $A'") == "1000\n/tmp\nb");
    CHECK(must(machine.run(kPodman + " exec life sh -c 'exit 9'")).status == 9);
    CHECK(podman("top life pid comm").contains("sleep"));
    CHECK(podman("stats --no-stream --format '{{.PIDs}}' life") == "1");
    podman("healthcheck run life");
    podman("pause life");
    CHECK(state() == "paused");
    podman("unpause life");
    CHECK(state() == "running");
    podman("update --memory 80m life");
    CHECK(podman("exec life cat /sys/fs/cgroup/memory.max") == "83886080");
    podman("restart --time 1 life");
    CHECK(state() == "running");
    podman("kill --signal KILL life");
    CHECK(podman("wait life") == "137");
    CHECK(state() == "exited");
    podman("start life");
    podman("stop --time 1 life");
    CHECK(state() == "exited");
    podman("rm life");
    CHECK(line(machine, std::string(kOurs) + " --root /run/crun list -q") == "");
}

TEST_CASE("buildah and containerd run containers with ballast-oci", "[peers][vm]") {
    vm::Machine machine = machine_with_image();
    CHECK(line(machine,
               std::string("c=$(buildah from ") + kImage + ") && buildah --runtime " + kOurs +
                   " run --network none $c -- sh -c 'echo built >/file; cat /file' && buildah rm $c >/dev/null") ==
          "built");
    run(machine, "systemctl start containerd");
    run(machine, std::string("skopeo copy -q oci:/var/lib/peers/busybox oci-archive:/var/tmp/b.tar:") + kImage +
                     " && ctr image import /var/tmp/b.tar");
    const std::string image = line(machine, "ctr image ls -q | head -n 1");
    const std::string options = std::string(" --runc-binary ") + kOurs + " ";
    CHECK(line(machine, "ctr run --rm" + options + image + " once echo ran") == "ran");
    run(machine, "ctr run -d" + options + image + " life sleep 1000");
    CHECK(line(machine, "ctr task exec --exec-id e life cat /proc/1/comm") == "sleep");
    CHECK(line(machine, "ctr task ps life | wc -l") == "2");
    run(machine, "ctr task pause life && ctr task ls | grep -q PAUSED && ctr task resume life");
    run(machine, "ctr task metrics life >/dev/null");
    run(machine,
        "ctr task kill -s KILL life; for i in $(seq 50); do ctr task ls | grep -q STOPPED && break; sleep 0.1; done;"
        " ctr task rm life; ctr container rm life");
    CHECK(line(machine, "ctr container ls -q") == "");
}

} // namespace ballast::peers
