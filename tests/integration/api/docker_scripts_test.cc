// SPDX-License-Identifier: Apache-2.0
// The scripts of tests/docker against a ballastd without cgroups.
#include "tests/integration/api/daemon_fixture.h"

using namespace ballast;
using ballast::api_tests::DaemonFixture;

namespace {

void passes(const std::string &script, const std::string &configuration = R"({"cgroups": "disabled"})") {
    const DaemonFixture fixture(configuration);
    (void)fixture.layout("busybox");
    fixture.shell("docker rmi inside && skopeo --tmpdir . --insecure-policy copy -q oci:layouts/busybox:latest "
                  "docker-archive:busybox.tar:busybox:latest && docker load -i busybox.tar");
    must(make_directories(fixture.path("work")));
    Command command = fixture.command({"bash", std::filesystem::absolute("tests/docker/" + script)});
    command.environment["TERMINAL"] = BALLAST_TERMINAL_PROGRAM;
    command.environment["REACH"] = BALLAST_REACH_PROGRAM;
    command.directory = fixture.path("work");
    command.timeout = std::chrono::minutes(10); // of a script that would hang
    const Completed done = must(run(command));
    INFO(done.output << done.errors);
    CHECK(done.status == 0);
    // Nothing of the containers is left behind.
    INFO(fixture.log());
    CHECK(fixture.shell("ls run/containers run/monitor | grep -v : | grep . || true").empty());
    CHECK(fixture.shell("grep " + fixture.path("run").string() + " /proc/self/mountinfo || true").empty());
}

} // namespace

TEST_CASE("docker run", "[api][root]") { passes("run.sh"); }
TEST_CASE("docker ps", "[api][root]") { passes("list.sh"); }
TEST_CASE("docker stop, start, kill, wait, rename, update, top, diff, commit, rm and attach", "[api][root]") {
    passes("life.sh");
}
TEST_CASE("docker exec, logs and cp", "[api][root]") { passes("inside.sh"); }
TEST_CASE("docker inspect, info, version, system df and prune", "[api][root]") { passes("inspect.sh"); }
TEST_CASE("namespaces of the host and of other containers", "[api][root]") { passes("namespaces.sh"); }
TEST_CASE("limits of processes", "[api][root]") { passes("limits.sh"); }
TEST_CASE("capabilities, seccomp, devices, read-only roots and sysctls", "[api][root]") { passes("security.sh"); }
TEST_CASE("docker images, tag, save, load, history and import", "[api][root]") { passes("images.sh"); }
TEST_CASE("volumes, bind mounts and tmpfs", "[api][root]") { passes("volumes.sh"); }
TEST_CASE("log drivers", "[api][root]") { passes("logging.sh"); }
TEST_CASE("docker events", "[api][root]") { passes("events.sh"); }
TEST_CASE("networks and names on them", "[api][root]") { passes("networks.sh"); }
TEST_CASE("published ports", "[api][root]") { passes("ports.sh"); }
TEST_CASE("bridges", "[api][root]") { passes("bridges.sh"); }
TEST_CASE("two hundred containers on one network", "[api][root]") { passes("crowd.sh"); }
TEST_CASE("containers whose root is nobody on the host", "[api][root]") {
    passes("users.sh", R"({"cgroups": "disabled", "userns-remap": "default"})");
}
TEST_CASE("docker compose", "[api][root]") { passes("compose.sh"); }
TEST_CASE("applications as compose files describe them", "[api][root]") { passes("applications.sh"); }
