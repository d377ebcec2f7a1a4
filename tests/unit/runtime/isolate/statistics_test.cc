// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/statistics.h"

#include <fcntl.h>
#include <nlohmann/json.hpp>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

struct FakeCgroup {
    TemporaryDirectory place = scratch();
    void file(const std::string &name, const std::string &content) { must(write_file(place.path() / name, content)); }
    Statistics read() {
        const CgroupDir directory(must(open_file(place.path(), O_RDONLY | O_DIRECTORY)), "/web");
        return must(read_statistics(directory));
    }
};

nlohmann::json data_of(const Statistics &statistics) {
    return nlohmann::json::parse(stats_event("web", statistics)).at("data");
}

} // namespace

TEST_CASE("a cgroup without controllers has empty statistics in runc's shape", "[cgroup]") {
    FakeCgroup cgroup;
    CHECK(stats_event("web", cgroup.read()) ==
          R"({"type":"stats","id":"web","data":{"cpu":{},"cpuset":{"cpu_exclusive":0,"mem_hardwall":0,)"
          R"("mem_exclusive":0,"memory_migrate":0,"memory_spread_page":0,"memory_spread_slab":0,)"
          R"("memory_pressure":0,"sched_load_balance":0,"sched_relax_domain_level":0},"memory":{},"pids":{},)"
          R"("blkio":{},"hugetlb":{},"intel_rdt":{},"network_interfaces":null}})");
    CHECK(oom_event("we\"b\n") == R"({"type":"oom","id":"we\"b\u000a"})");
}

TEST_CASE("processor time is in nanoseconds", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("cpu.stat", "usage_usec 30\nuser_usec 10\nsystem_usec 20\nnr_periods 4\nnr_throttled 3\n"
                            "throttled_usec 2\n");
    CHECK(data_of(cgroup.read()).at("cpu") ==
          nlohmann::json::parse(R"({"usage":{"total":30000,"kernel":20000,"user":10000},
              "throttling":{"periods":4,"throttledPeriods":3,"throttledTime":2000}})"));
}

TEST_CASE("swap is told together with memory", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("memory.current", "100\n");
    cgroup.file("memory.max", "1000\n");
    cgroup.file("memory.peak", "200\n");
    cgroup.file("memory.swap.current", "5\n");
    cgroup.file("memory.swap.max", "50\n");
    cgroup.file("memory.swap.peak", "6\n");
    cgroup.file("memory.stat", "anon 1\nfile 2\n");
    CHECK(data_of(cgroup.read()).at("memory") ==
          nlohmann::json::parse(R"({"cache":2,"usage":{"limit":1000,"usage":100,"max":200,"failcnt":0},
              "swap":{"limit":1050,"usage":105,"failcnt":0},"raw":{"anon":1,"file":2}})"));
    cgroup.file("memory.swap.max", "max\n");
    CHECK(data_of(cgroup.read()).at("memory").at("swap").at("limit") == 18446744073709551615ULL);
    cgroup.file("memory.max", "max\n");
    cgroup.file("memory.swap.max", "50\n");
    CHECK(data_of(cgroup.read()).at("memory").at("swap").at("limit") == 18446744073709551615ULL);
}

TEST_CASE("processes are counted where the controller is missing", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("cgroup.procs", "1\n22\n333\n");
    CHECK(cgroup.read().pids == 3);
    cgroup.file("pids.current", "7\n");
    cgroup.file("pids.max", "max\n");
    CHECK(data_of(cgroup.read()).at("pids") == nlohmann::json::parse(R"({"current":7})"));
    cgroup.file("pids.max", "9\n");
    CHECK(data_of(cgroup.read()).at("pids") == nlohmann::json::parse(R"({"current":7,"limit":9})"));
}

TEST_CASE("I/O is listed by device and direction", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("io.stat", "8:0 rbytes=10 wbytes=0 rios=2 wios=3 dbytes=9 dios=1\nbroken\n254:1 \n");
    CHECK(data_of(cgroup.read()).at("blkio") ==
          nlohmann::json::parse(R"({"ioServiceBytesRecursive":[{"major":8,"op":"Read","value":10},
              {"major":8,"op":"Write"}],"ioServicedRecursive":[{"major":8,"op":"Read","value":2},
              {"major":8,"op":"Write","value":3}]})"));
}

TEST_CASE("pressure is told as numbers", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("memory.pressure", "some avg10=1.50 avg60=0.05 avg300=100.00 total=77\n"
                                   "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n");
    CHECK(stats_event("a", cgroup.read())
              .contains(R"("psi":{"some":{"avg10":1.5,"avg60":0.05,"avg300":100,"total":77}})"));
    CHECK(parse_pressure("some avg10=\"x avg60= avg300=nan total=-1\n").some.avg10 == "0");
}

TEST_CASE("huge pages are told by size, as reserved where the kernel counts that", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("cgroup.controllers", "hugetlb\n");
    for (const char *file : {"hugetlb.2MB.max", "hugetlb.2MB.rsvd.max", "hugetlb.1GB.max"}) {
        cgroup.file(file, "max\n");
    }
    cgroup.file("hugetlb.2MB.current", "1\n");
    cgroup.file("hugetlb.2MB.rsvd.current", "2\n");
    cgroup.file("hugetlb.2MB.events", "max 3\n");
    cgroup.file("hugetlb.1GB.current", "4\n");
    CHECK(data_of(cgroup.read()).at("hugetlb") ==
          nlohmann::json::parse(R"({"2MB":{"usage":2,"failcnt":3},"1GB":{"usage":4,"failcnt":0}})"));
}

TEST_CASE("rdma is read by device", "[cgroup]") {
    const auto devices = parse_rdma("mlx5_0 hca_handle=2 hca_object=2000\nocrdma1 hca_handle=3 hca_object=max\n");
    CHECK(devices.at("mlx5_0").hca_objects == 2000);
    CHECK(devices.at("ocrdma1").hca_handles == 3);
}

} // namespace ballast::isolate
