// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/resources.h"

#include <fcntl.h>

#include "runtime/isolate/cgroup_tree.h"
#include "tests/unit/check.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {
namespace {

using Unless = CgroupWrite::Unless;

CgroupWrite write_of(std::string file, std::string value, Unless unless = Unless::kNever) {
    return {.file = std::move(file), .value = std::move(value), .unless = unless, .other_file = {}, .other_value = {}};
}

std::vector<CgroupWrite> writes(const oci::Resources &resources) { return must(plan_resources(resources)).writes; }

oci::Resources with(const oci::MemoryResources &memory) { return {.memory = memory}; }
oci::Resources with(const oci::CpuResources &cpu) { return {.cpu = cpu}; }
oci::Resources with(const oci::BlockIoResources &io) { return {.block_io = io}; }

// A directory that stands for a cgroup's: plain files.
struct FakeCgroup {
    TemporaryDirectory place = scratch();
    void file(const std::string &name, const std::string &content = "") {
        must(write_file(place.path() / name, content));
    }
    std::string read(const std::string &name) { return must(read_file(place.path() / name)); }
    CgroupDir open() { return {must(open_file(place.path(), O_RDONLY | O_DIRECTORY)), "/web"}; }
};

} // namespace

TEST_CASE("no resources are no writes", "[cgroup]") {
    const ResourcePlan plan = must(plan_resources({}));
    CHECK(plan.writes.empty());
    CHECK(plan.controllers == 0);
    CHECK(plan.ignored.empty());
}

TEST_CASE("limits of memory become memory.max, memory.low and swap alone", "[cgroup]") {
    CHECK(writes(with({.limit = 1000, .reservation = 500, .swap = 3000})) ==
          std::vector{write_of("memory.swap.max", "2000"), write_of("memory.max", "1000"),
                      write_of("memory.low", "500")});
    CHECK(writes(with({.limit = 1000, .swap = 1000})) ==
          std::vector{write_of("memory.swap.max", "0", Unless::kMissing), write_of("memory.max", "1000")});
    CHECK(writes(with({.limit = 1000, .swap = -1})) ==
          std::vector{write_of("memory.swap.max", "max", Unless::kMissing), write_of("memory.max", "1000")});
    CHECK(writes(with({.limit = -1})) ==
          std::vector{write_of("memory.swap.max", "max", Unless::kMissing), write_of("memory.max", "max")});
    CHECK(writes(with({.limit = -1, .swap = 4096})) ==
          std::vector{write_of("memory.swap.max", "4096"), write_of("memory.max", "max")});
    CHECK(writes(with({.swap = 0})) == std::vector{write_of("memory.swap.max", "0", Unless::kMissing)});
    CHECK(writes(with({.limit = 0, .reservation = 0})).empty());
    CHECK(must(plan_resources(with({.limit = 1000}))).controllers == controller::kMemory);
}

TEST_CASE("swap needs a limit of memory that is not more", "[cgroup]") {
    CHECK(error_of(plan_resources(with({.swap = 1000}))).code == EINVAL);
    CHECK(error_of(plan_resources(with({.limit = 2000, .swap = 1000}))).message.contains("less than the limit"));
    CHECK(error_of(plan_resources(with({.limit = -2}))).message ==
          "linux.resources.memory.limit: want -1 (no limit) or more, have -2");
}

TEST_CASE("what version 2 has no place for is told, not dropped", "[cgroup]") {
    const ResourcePlan plan = must(plan_resources(
        with({.kernel = 1, .kernel_tcp = 2, .swappiness = 60, .disable_oom_killer = true, .use_hierarchy = true})));
    CHECK(plan.writes.empty());
    CHECK(plan.ignored == std::vector<std::string>{"linux.resources.memory.kernel", "linux.resources.memory.kernelTCP",
                                                   "linux.resources.memory.swappiness",
                                                   "linux.resources.memory.disableOOMKiller"});
}

TEST_CASE("shares become weight by the curve of runc and crun", "[cgroup]") {
    CHECK(cpu_weight(0) == 0);
    CHECK(cpu_weight(1) == 1);
    CHECK(cpu_weight(2) == 1);
    CHECK(cpu_weight(1024) == 100);
    CHECK(cpu_weight(262144) == 10000);
    CHECK(cpu_weight(1000000) == 10000);
    CHECK(cpu_weight(512) == 59);
    CHECK(cpu_weight(2048) == 174);
    std::uint64_t before = 1;
    for (std::uint64_t shares = 2; shares < 262144; shares += 7) {
        const std::uint64_t weight = cpu_weight(shares);
        REQUIRE(weight >= before);
        REQUIRE(weight <= 10000);
        before = weight;
    }
}

TEST_CASE("quota and period become one line of cpu.max", "[cgroup]") {
    CHECK(writes(with({.quota = 50000, .period = 200000})) == std::vector{write_of("cpu.max", "50000 200000")});
    CHECK(writes(with({.quota = 50000})) == std::vector{write_of("cpu.max", "50000 100000")});
    CHECK(writes(with({.quota = -1})) == std::vector{write_of("cpu.max", "max 100000")});
    CHECK(writes(with({.quota = 0, .period = 0})).empty());
    CgroupWrite period = write_of("cpu.max", "200000");
    period.keep_first = true;
    CHECK(writes(with({.period = 200000})) == std::vector{period});
}

TEST_CASE("an idle cgroup gets its weight before, one that wakes up after", "[cgroup]") {
    CHECK(writes(with({.shares = 1024, .idle = 1})) ==
          std::vector{write_of("cpu.weight", "100"), write_of("cpu.idle", "1")});
    CHECK(writes(with({.shares = 1024, .idle = 0})) ==
          std::vector{write_of("cpu.idle", "0"), write_of("cpu.weight", "100")});
}

TEST_CASE("realtime scheduling and classes of network traffic are refused", "[cgroup]") {
    CHECK(error_of(plan_resources(with({.realtime_runtime = 950000}))).code == ENOTSUP);
    CHECK(error_of(plan_resources(with({.realtime_period = 1000000}))).code == ENOTSUP);
    CHECK(writes(with({.realtime_runtime = 0, .realtime_period = 0})).empty());
    CHECK(error_of(plan_resources({.network_given = true})).code == ENOTSUP);
}

TEST_CASE("processors and memory nodes go to cpuset", "[cgroup]") {
    const ResourcePlan plan = must(plan_resources(with({.cpus = "0-3", .mems = "0"})));
    CHECK(plan.writes == std::vector{write_of("cpuset.cpus", "0-3"), write_of("cpuset.mems", "0")});
    CHECK(plan.controllers == controller::kCpuset);
}

TEST_CASE("a limit of processes of zero or less is none", "[cgroup]") {
    CHECK(writes({.pids_limit = 12}) == std::vector{write_of("pids.max", "12")});
    CHECK(writes({.pids_limit = 0}) == std::vector{write_of("pids.max", "max")});
    CHECK(writes({.pids_limit = -1}) == std::vector{write_of("pids.max", "max")});
}

TEST_CASE("weights of I/O have a second file with another scale", "[cgroup]") {
    CHECK(io_weight(10) == 1);
    CHECK(io_weight(1000) == 10000);
    CHECK(io_weight(100) == 910);
    CgroupWrite all = write_of("io.bfq.weight", "100");
    all.other_file = "io.weight";
    all.other_value = "910";
    CgroupWrite one = write_of("io.bfq.weight", "8:0 1000");
    one.other_file = "io.weight";
    one.other_value = "8:0 10000";
    CHECK(writes(with({.weight = 100, .weight_devices = {{8, 0, 1000}}})) == std::vector{all, one});
}

TEST_CASE("throttles of a device share a line", "[cgroup]") {
    CHECK(writes(with({.throttle_read_bps = {{8, 0, 1000}, {8, 16, 5}},
                       .throttle_write_bps = {{8, 0, 0}},
                       .throttle_read_iops = {{8, 1, 7}},
                       .throttle_write_iops = {{8, 0, 9}}})) ==
          std::vector{write_of("io.max", "8:0 rbps=1000 wbps=max wiops=9"), write_of("io.max", "8:16 rbps=5"),
                      write_of("io.max", "8:1 riops=7")});
}

TEST_CASE("huge pages are limited in use and in reservation", "[cgroup]") {
    CHECK(writes({.hugepage_limits = {{"2MB", 4096}}}) ==
          std::vector{write_of("hugetlb.2MB.max", "4096"), write_of("hugetlb.2MB.rsvd.max", "4096", Unless::kMissing)});
    CHECK(error_of(plan_resources({.hugepage_limits = {{"../2MB", 1}}})).code == EINVAL);
}

TEST_CASE("rdma limits are a line a device", "[cgroup]") {
    oci::Resources resources;
    resources.rdma["mlx5_0"] = {.hca_handles = 2, .hca_objects = 2000};
    resources.rdma["mlx5_1"] = {.hca_handles = {}, .hca_objects = 1};
    resources.rdma["mlx5_2"] = {};
    CHECK(writes(resources) == std::vector{write_of("rdma.max", "mlx5_0 hca_handle=2 hca_object=2000"),
                                           write_of("rdma.max", "mlx5_1 hca_object=1")});
}

TEST_CASE("unified keys are files, written last and line by line", "[cgroup]") {
    oci::Resources resources = with(oci::MemoryResources{.limit = 5});
    resources.unified = {{"memory.max", "6"}, {"io.max", "8:0 rbps=1\n8:16 rbps=2\n"}, {"cpu.weight", ""}};
    const ResourcePlan plan = must(plan_resources(resources));
    CHECK(plan.writes == std::vector{write_of("memory.max", "5"), write_of("io.max", "8:0 rbps=1"),
                                     write_of("io.max", "8:16 rbps=2"), write_of("memory.max", "6")});
    CHECK(plan.controllers == (controller::kMemory | controller::kIo | controller::kCpu));
}

TEST_CASE("unified keys that are paths, not files of controllers, or move processes are refused", "[cgroup]") {
    const auto error = [](const std::string &key) { return error_of(plan_resources({.unified = {{key, "1"}}})); };
    CHECK(error("../memory.max").code == EINVAL);
    CHECK(error("web/memory.max").code == EINVAL);
    CHECK(error("NOT-A-KEY").message.contains("has not the form CONTROLLER.VALUE `NOT-A-KEY`"));
    CHECK(error(".max").code == EINVAL);
    for (const char *key : {"cgroup.procs", "cgroup.threads", "cgroup.kill", "cgroup.freeze"}) {
        CHECK(error(key).code == EPERM);
    }
}

TEST_CASE("resources are written to the files of the cgroup", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("memory.max");
    cgroup.file("memory.low");
    cgroup.file("cpu.max", "25000 100000\n");
    cgroup.file("io.weight");
    oci::Resources resources = with(oci::MemoryResources{.limit = 1000, .reservation = 500, .swap = 1000});
    resources.cpu = oci::CpuResources{.period = 50000};
    resources.block_io = oci::BlockIoResources{.weight = 1000};
    must(apply_resources(cgroup.open(), must(plan_resources(resources)))); // memory.swap.max is not there
    CHECK(cgroup.read("memory.max").starts_with("1000"));
    CHECK(cgroup.read("memory.low") == "500");
    CHECK(cgroup.read("cpu.max").starts_with("25000 50000"));
    CHECK(cgroup.read("io.weight") == "10000");
}

TEST_CASE("a file that is missing is an error with the controller that is", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("cgroup.controllers", "cpu memory\n");
    const auto error = [&cgroup](const oci::Resources &resources) {
        return error_of(apply_resources(cgroup.open(), must(plan_resources(resources)))).message;
    };
    CHECK(error({.pids_limit = 5}) == R"(cgroup /web: pids.max: "5": controller `pids` is not available under /web)");
    CHECK(error({.unified = {{"foo.bar", "x"}}}).contains("controller `foo` is not available under"));
    CHECK(error({.unified = {{"memory.DOESNTEXIST", "baz"}}}) ==
          R"(cgroup /web: memory.DOESNTEXIST: "baz": No such file or directory)");
}

TEST_CASE("a limit below what is in use is refused when it is to be checked", "[cgroup]") {
    FakeCgroup cgroup;
    cgroup.file("memory.max");
    cgroup.file("memory.swap.max");
    cgroup.file("memory.current", "5000\n");
    cgroup.file("memory.swap.current", "100\n");
    const auto set = [&cgroup](oci::MemoryResources memory) {
        memory.check_before_update = true;
        return apply_resources(cgroup.open(), must(plan_resources(with(memory))));
    };
    CHECK(error_of(set({.limit = 5000})).code == EBUSY);
    CHECK(error_of(set({.limit = 5050, .swap = 5100})).code == EBUSY);
    CHECK(cgroup.read("memory.max").empty());
    must(set({.limit = 5001, .swap = 5101}));
    CHECK(cgroup.read("memory.max") == "5001");
}

} // namespace ballast::isolate
