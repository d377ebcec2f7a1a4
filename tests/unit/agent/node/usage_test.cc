// SPDX-License-Identifier: Apache-2.0
#include "agent/node/usage.h"

#include <unistd.h>

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

TEST_CASE("what a machine uses is read from the kernel's files", "[agent]") {
    const TemporaryDirectory root = scratch();
    must(make_directories(root.path() / "proc"));
    must(write_file(root.path() / "proc/stat", "cpu  10 20 30 4000 50 6 7 0 0 0\ncpu0 1 1 1 1\nbtime 1700000000\n"));
    must(write_file(root.path() / "proc/meminfo", "MemTotal:  1000 kB\nMemFree:  300 kB\nInactive(file):  100 kB\n"
                                                  "AnonPages:  50 kB\n"));
    must(write_file(root.path() / "proc/vmstat", "pgfault 12\npgmajfault 3\n"));
    const NodeUsage node = read_node_usage(root.path(), root.path());
    CHECK(node.usage.cpu == 73 * (1'000'000'000ULL / static_cast<unsigned long>(::sysconf(_SC_CLK_TCK))));
    CHECK(node.booted == 1'700'000'000'000'000'000);
    CHECK(node.usage.memory == 700 * 1024);
    CHECK(node.usage.working_set == 600 * 1024);
    CHECK(node.usage.available == 400 * 1024);
    CHECK(node.usage.resident == 50 * 1024);
    CHECK(node.usage.faults == 12);
    CHECK(node.usage.major_faults == 3);
    CHECK(node.files_capacity > 0);
}

TEST_CASE("what the kernel does not say is missing", "[agent]") {
    const TemporaryDirectory root = scratch();
    const NodeUsage node = read_node_usage(root.path(), root.path() / "none");
    CHECK_FALSE(node.usage.cpu.has_value());
    CHECK_FALSE(node.usage.working_set.has_value());
    CHECK_FALSE(node.files_capacity.has_value());
    CHECK(read_node_usage("/", "/").usage.cpu > 0);
}
