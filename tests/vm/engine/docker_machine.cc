// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/engine/docker_machine.h"

#include <chrono>
#include <iostream>

#include "tests/images/sources.h"

namespace ballast::vm {
namespace {

constexpr std::chrono::minutes kLongestScript{20}; // of one that would hang

} // namespace

void load_busybox(Machine &machine) {
    const TemporaryDirectory images = scratch();
    must(run_checked({.arguments = {BALLAST_TEST_IMAGES_PROGRAM, "build", "--cache", images::test_cache().string(),
                                    "--out", images.path().string(), "busybox"}}));
    must(run_checked({.arguments = {"skopeo", "--tmpdir", images.path().string(), "--insecure-policy", "copy", "-q",
                                    "oci:" + (images.path() / "busybox:latest").string(),
                                    "docker-archive:" + (images.path() / "archive").string() + ":busybox:latest"}}));
    must(machine.copy_in(images.path() / "archive", "/var/lib/test/archive"));
    must(machine.copy_in(BALLAST_REACH_PROGRAM, "/var/lib/test/reach"));
    must(machine.run_checked("docker load -i /var/lib/test/archive"));
}

Machine with_scripts() {
    Machine machine = booted();
    load_busybox(machine);
    must(machine.copy_in("tests/docker", "/var/lib/test/docker"));
    must(machine.copy_in(BALLAST_TERMINAL_PROGRAM, "/var/lib/test/terminal"));
    return machine;
}

void add_compose(Machine &machine) {
    must(machine.copy_in("/usr/libexec/docker/cli-plugins/docker-compose", "/root/.docker/cli-plugins/docker-compose"));
    must(machine.run_checked("docker compose version"));
}

void check_script(Machine &machine, const std::string &name) {
    const auto start = std::chrono::steady_clock::now();
    const Completed done =
        must(machine.run("mkdir -p /var/lib/test/work && cd /var/lib/test/work && "
                         "TERMINAL=/var/lib/test/terminal REACH=/var/lib/test/reach bash ../docker/" +
                             name,
                         kLongestScript));
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::steady_clock::now() - start);
    std::cout << name << ": " << seconds.count() << " s, " << done.output;
    INFO(name << ":\n" << done.output << done.errors);
    CHECK(done.status == 0);
}

} // namespace ballast::vm
