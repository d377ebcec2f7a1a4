// SPDX-License-Identifier: Apache-2.0
#include "tests/peers/peer_machine.h"

#include <catch2/catch_test_macros.hpp>
#include <cstdlib>

#include "tests/unit/check.h"
#include "tests/vm/test_logs.h"

namespace ballast::peers {

namespace fs = std::filesystem;

vm::Machine peer_machine(std::vector<std::uint16_t> ports) {
    vm::MachineOptions options{.image = "out/images/ballast-test.qcow2"};
    if (!fs::exists(options.image)) {
        SKIP(options.image.string() + " is not there; make it with ./dev image --variant test");
    }
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

fs::path given_peer(const std::string &name) {
    const char *peers = std::getenv("BALLAST_PEERS"); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    const fs::path directory = fs::path(peers != nullptr ? peers : "") / name;
    if (peers == nullptr || !fs::is_directory(directory)) {
        SKIP("BALLAST_PEERS has no " + name + ": skipped");
    }
    return directory;
}

} // namespace ballast::peers
