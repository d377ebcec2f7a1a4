// SPDX-License-Identifier: Apache-2.0
#include "tests/peers/peer_machine.h"

#include <catch2/catch_test_macros.hpp>

#include "tests/images/sources.h"
#include "tests/unit/check.h"
#include "tests/unit/setting.h"
#include "tests/vm/image_under_test.h"
#include "tests/vm/test_logs.h"

namespace ballast::peers {

namespace fs = std::filesystem;

vm::Machine peer_machine(std::vector<std::uint16_t> ports) {
    vm::MachineOptions options{.image = "out/images/ballast-test.qcow2"};
    if (!fs::exists(options.image)) {
        SKIP(options.image.string() + " is not there; make it with ./dev image --variant test");
    }
    options.cpus = vm::processors_of_test_machine();
    options.memory = 3072;
    options.disk_size = 20ULL << 30;
    options.forwarded_ports = std::move(ports);
    options.log_directory = vm::test_log_directory();
    vm::Machine machine = must(vm::Machine::from_snapshot(std::move(options)));
    for (const fs::path program : {BALLAST_OCI_PROGRAM, BALLAST_OCI_SCOPE_PROGRAM}) {
        must(machine.copy_in(program, "/var/lib/peers/programs" / program.filename()));
    }
    run(machine, "mount -t overlay -o lowerdir=/var/lib/peers/programs:/usr/lib/ballast overlay /usr/lib/ballast");
    return machine;
}

std::string run(vm::Machine &machine, const std::string &command) {
    const Completed completed = must(machine.run(command));
    INFO(command << "\nstdout: " << completed.output << "\nstderr: " << completed.errors);
    REQUIRE(completed.status == 0);
    return completed.output;
}

void build_images(const fs::path &out, const std::vector<std::string> &words) {
    Command build{.arguments = {images::own_directory() / "../images/ballast-test-images", "build", "--cache",
                                images::test_cache(), "--out", out}};
    build.arguments.insert(build.arguments.end(), words.begin(), words.end());
    (void)must(run_checked(build));
}

fs::path given_peer(const std::string &name) {
    fs::path directory = given_peers() / name;
    if (!fs::is_directory(directory)) {
        SKIP("BALLAST_PEERS has no " + name + ": skipped");
    }
    return directory;
}

fs::path peer_program(const std::string &directory, const std::string &name) {
    fs::path program = given_peer(directory) / name;
    if (!fs::exists(program)) {
        SKIP("BALLAST_PEERS has no " + directory + "/" + name + ": skipped");
    }
    return program;
}

} // namespace ballast::peers
