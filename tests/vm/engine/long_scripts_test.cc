// SPDX-License-Identifier: Apache-2.0
// Scripts that the integration tests run natively, and that take minutes under emulation.
#include <catch2/catch_test_macros.hpp>

#include "tests/vm/engine/docker_machine.h"

using namespace ballast::vm;

TEST_CASE("every docker command about containers and images says and does in the image what it should", "[vm]") {
    Machine machine = with_scripts();
    for (const char *script : {"run.sh", "list.sh", "life.sh", "inside.sh", "inspect.sh", "namespaces.sh",
                               "security.sh", "images.sh", "volumes.sh", "logging.sh", "events.sh"}) {
        check_script(machine, script);
    }
}

TEST_CASE("docker commands about networks say and do in the image what they should", "[vm]") {
    Machine machine = with_scripts();
    check_script(machine, "networks.sh");
}

TEST_CASE("ports are published in the image as they should be", "[vm]") {
    Machine machine = with_scripts();
    check_script(machine, "ports.sh");
}

TEST_CASE("bridges are in the image what options and the configuration make of them", "[vm]") {
    Machine machine = with_scripts();
    check_script(machine, "bridges.sh");
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}

TEST_CASE("applications of compose files run in the image", "[vm]") {
    Machine machine = with_scripts();
    add_compose(machine);
    check_script(machine, "applications.sh");
}

TEST_CASE("the compose client's commands work in the image", "[vm]") {
    Machine machine = with_scripts();
    add_compose(machine);
    check_script(machine, "compose.sh");
}

TEST_CASE("root in the image's containers is nobody on the host where the configuration says so", "[vm]") {
    Machine machine = with_scripts();
    must(machine.run_checked(
        R"(echo '{"userns-remap": "default"}' >/etc/ballast/engine.json && systemctl restart ballastd)"));
    check_script(machine, "users.sh");
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}
