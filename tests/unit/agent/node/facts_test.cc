// SPDX-License-Identifier: Apache-2.0
#include "agent/node/facts.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::agent;

TEST_CASE("facts of a machine are read from where the kernel says them", "[agent]") {
    const TemporaryDirectory root = scratch();
    const auto put = [&](const std::string &name, const std::string &text) {
        must(make_directories((root.path() / name).parent_path()));
        must(write_file(root.path() / name, text));
    };
    put("etc/machine-id", "abc\n");
    put("etc/os-release", "ID=ballast\nPRETTY_NAME=\"Ballast 1\"\n");
    put("proc/sys/kernel/random/boot_id", "b-1\n");
    put("proc/sys/kernel/osrelease", "6.12.1\n");
    put("proc/meminfo", "MemTotal:        2048 kB\nMemFree: 1 kB\nMemAvailable:    1024 kB\n");
    put("proc/loadavg", "0.1 0.2 0.3 2/345 6789\n");
    put("proc/sys/kernel/pid_max", "32768\n");
    put("proc/sys/kernel/threads-max", "1000\n");
    put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "3\n");
    put("sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages", "0\n");
    const NodeFacts facts = read_node_facts(root.path(), root.path());
    REQUIRE(facts.machine_id == "abc");
    REQUIRE(facts.system_uuid == "abc"); // for want of a board's own
    REQUIRE(facts.os_image == "Ballast 1");
    REQUIRE(facts.boot_id == "b-1");
    REQUIRE(facts.kernel == "6.12.1");
    REQUIRE(facts.memory == 2048 * 1024);
    REQUIRE(facts.memory_available == 1024 * 1024);
    REQUIRE(facts.processes == 345);
    REQUIRE(facts.most_processes == 1000);
    REQUIRE(facts.huge_pages ==
            std::map<std::string, std::int64_t>{{"hugepages-1Gi", 0}, {"hugepages-2Mi", 6LL << 20}});
    REQUIRE(facts.storage >= facts.storage_available);
    REQUIRE(facts.storage > 0);
    put("sys/class/dmi/id/product_uuid", "1-2-3\n");
    REQUIRE(read_node_facts(root.path(), root.path()).system_uuid == "1-2-3");
    REQUIRE(read_node_facts("/nowhere", "/nowhere").memory == 0);
}
