// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/systemd_unit.h"

#include "tests/unit/check.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {
namespace {

using Words = std::vector<std::string>;

UnitProperty property(std::string name, std::string type, Words words) {
    return {.name = std::move(name), .type = std::move(type), .words = std::move(words)};
}

Result<std::vector<UnitProperty>> annotated(const std::string &name, const std::string &value) {
    return annotated_properties({{"io.podman.annotations", "x"},
                                 {"org.systemd.property." + name, value},
                                 {"org.systemd.propertyx", "y"},
                                 {"run.oci.handler", "z"}});
}

std::vector<UnitProperty> of(const std::string &file, const std::string &value, bool starting = true) {
    return must(resource_properties({{.file = file, .value = value, .unless = {}, .other_file = {}, .other_value = {}}},
                                    starting));
}

} // namespace

TEST_CASE("linux.cgroupsPath names a slice and a scope", "[cgroup]") {
    ScopeName name = must(scope_name("machine.slice:libpod:1234abcd", "x", false));
    CHECK(name.slice == "machine.slice");
    CHECK(name.scope == "libpod-1234abcd.scope");
    name = must(scope_name("::web", "x", true));
    CHECK(name.slice == "user.slice");
    CHECK(name.scope == "-web.scope");
    name = must(scope_name("", "web", false));
    CHECK(name.slice == "system.slice");
    CHECK(name.scope == "ballast-web.scope");
    CHECK(must(scope_name("-.slice:a:b", "x", false)).slice == "-.slice");
    CHECK(must(scope_name("kubepods-besteffort-pod12_3.slice:cri:b", "x", false)).slice ==
          "kubepods-besteffort-pod12_3.slice");
}

TEST_CASE("names that systemd would take for something else are refused", "[cgroup]") {
    for (const char *path :
         {"/system.slice/web", "a:b", "a.slice:b:c:d", "a.slice:b:", "a.service:b:c", "a/b.slice:c:d", ".slice:b:c",
          "a--b.slice:c:d", "-a.slice:c:d", "a.slice:b:c\nd", "a.slice:b:c/d", "a.slice:b:c d", "a.slice:b:c*"}) {
        CHECK(error_of(scope_name(path, "x", false)).code == EINVAL);
    }
    CHECK(error_of(scope_name("a.slice:b:" + std::string(300, 'c'), "x", false)).code == EINVAL);
}

TEST_CASE("annotations become properties of the scope, in systemd's types", "[cgroup]") {
    CHECK(must(annotated("TimeoutStopUSec", "uint64 123456789")) ==
          std::vector{property("TimeoutStopUSec", "t", {"123456789"})});
    CHECK(must(annotated("TimeoutStopSec", "uint32 3")) == std::vector{property("TimeoutStopUSec", "t", {"3000000"})});
    CHECK(must(annotated("CollectMode", "'inactive-or-failed'")) ==
          std::vector{property("CollectMode", "s", {"inactive-or-failed"})});
    CHECK(must(annotated("After", "['a.service', \"b.service\" ]")) ==
          std::vector{property("After", "as", {"a.service", "b.service"})});
    CHECK(must(annotated("Before", "[]")) == std::vector{property("Before", "as", {})});
    CHECK(must(annotated("DefaultDependencies", " true ")) ==
          std::vector{property("DefaultDependencies", "b", {"true"})});
    CHECK(must(annotated("KillSignal", "37")) == std::vector{property("KillSignal", "i", {"37"})});
    CHECK(must(annotated("Description", R"('it\'s \\ me')")) ==
          std::vector{property("Description", "s", {R"(it's \ me)"})});
}

TEST_CASE("annotations cannot make systemd do what the scope is not", "[cgroup]") {
    for (const char *name : {"ExecStart", "ExecStartPre", "Wants", "Requires", "BindsTo", "Conflicts", "OnFailure",
                             "SuccessAction", "FailureAction", "DeviceAllow", "DevicePolicy", "Delegate", "Slice",
                             "PIDs", "User", "BPFProgram", "Environment", "Sec", "MemoryMaxx"}) {
        CHECK(error_of(annotated(name, "'x'")).code == EPERM);
    }
}

TEST_CASE("annotations with control characters, odd names or other types are refused", "[cgroup]") {
    CHECK(error_of(annotated("Description", "'a\nExecStart=/bin/sh'")).code == EINVAL);
    CHECK(error_of(annotated("Description", "'a\\nb'")).code == EINVAL);
    CHECK(error_of(annotated("Description", "'a\\u000ab'")).code == EINVAL);
    CHECK(error_of(annotated("Descrip\ntion", "'a'")).code == EINVAL);
    CHECK(error_of(annotated("", "'a'")).code == EINVAL);
    CHECK(error_of(annotated("A", "'a'")).code == EINVAL);
    for (const char *value : {"", "yes", "1", "'true'"}) {
        CHECK(error_of(annotated("DefaultDependencies", value)).code == EINVAL);
    }
    for (const char *value :
         {"", "-1", "'5'", "5s", "uint32 4294967296", "0x5", "uint64", "uint64 18446744073709551616", "true", "@t 5"}) {
        CHECK(error_of(annotated("RuntimeMaxUSec", value)).code == EINVAL);
    }
    CHECK(error_of(annotated("RuntimeMaxSec", "18446744073709551615")).code == EINVAL);
    CHECK(error_of(annotated("KillSignal", "2147483648")).code == EINVAL);
    for (const char *value : {"", "x", "'x", "'x' y", "'x''y'"}) {
        CHECK(error_of(annotated("CollectMode", value)).code == EINVAL);
    }
    for (const char *value : {"", "'a'", "['a'", "['a' 'b']", "['a'],", "[a]", "['a']]"}) {
        CHECK(error_of(annotated("After", value)).code == EINVAL);
    }
}

TEST_CASE("limits are told to systemd as properties", "[cgroup]") {
    CHECK(of("memory.max", "1000") == std::vector{property("MemoryMax", "t", {"1000"})});
    CHECK(of("memory.swap.max", "max") == std::vector{property("MemorySwapMax", "t", {"18446744073709551615"})});
    CHECK(of("pids.max", "0") == std::vector{property("TasksMax", "t", {"1"})});
    CHECK(of("cpu.weight", "79") == std::vector{property("CPUWeight", "t", {"79"})});
    CHECK(of("cpu.idle", "1") == std::vector{property("CPUWeight", "t", {"0"})});
    CHECK(of("cpu.idle", "0").empty());
    CHECK(of("cpu.max", "50000 100000") == std::vector{property("CPUQuotaPeriodUSec", "t", {"100000"}),
                                                       property("CPUQuotaPerSecUSec", "t", {"500000"})});
    CHECK(of("cpu.max", "33333") == std::vector{property("CPUQuotaPeriodUSec", "t", {"100000"}),
                                                property("CPUQuotaPerSecUSec", "t", {"340000"})});
    CHECK(of("cpu.max", "max 50000") == std::vector{property("CPUQuotaPeriodUSec", "t", {"50000"}),
                                                    property("CPUQuotaPerSecUSec", "t", {"18446744073709551615"})});
    CHECK(of("cpuset.cpus", "0-2,9") == std::vector{property("AllowedCPUs", "ay", {"7", "2"})});
    CHECK(of("cpuset.mems", "1") == std::vector{property("AllowedMemoryNodes", "ay", {"2"})});
    CHECK(of("memory.oom.group", "1") == std::vector{property("OOMPolicy", "s", {"kill"})});
    CHECK(of("memory.oom.group", "1", false).empty()); // systemd takes it for new units only
    CHECK(of("io.weight", "default 200") == std::vector{property("IOWeight", "t", {"200"})});
    CHECK(of("io.weight", "8:0 200").empty());
    CHECK(of("hugetlb.2MB.max", "5").empty());
}

TEST_CASE("the last limit of a kind is the one systemd hears of", "[cgroup]") {
    oci::Resources resources{.memory = oci::MemoryResources{.limit = 5}, .unified = {{"memory.max", "6"}}};
    CHECK(must(resource_properties(must(plan_resources(resources)).writes, true)) ==
          std::vector{property("MemoryMax", "t", {"6"})});
    oci::Resources idle{.cpu = oci::CpuResources{.shares = 1024, .idle = 1}};
    CHECK(must(resource_properties(must(plan_resources(idle)).writes, true)) ==
          std::vector{property("CPUWeight", "t", {"0"})});
    oci::Resources weight{.block_io = oci::BlockIoResources{.weight = 1000}};
    CHECK(must(resource_properties(must(plan_resources(weight)).writes, true)) ==
          std::vector{property("IOWeight", "t", {"10000"})});
}

TEST_CASE("limits that systemd cannot read are errors", "[cgroup]") {
    const auto error = [](const std::string &file, const std::string &value) {
        return error_of(resource_properties(
                            {{.file = file, .value = value, .unless = {}, .other_file = {}, .other_value = {}}}, true))
            .code;
    };
    CHECK(error("memory.high", "1G") == EINVAL);
    CHECK(error("cpu.max", "1 2 3") == EINVAL);
    CHECK(error("cpu.max", "1 0") == EINVAL);
    CHECK(error("cpuset.cpus", "3-1") == EINVAL);
    CHECK(error("cpuset.cpus", "99999") == EINVAL);
}

TEST_CASE("properties come through the protocol as they were", "[cgroup]") {
    const std::vector<UnitProperty> properties = {
        property("Description", "s", {""}), property("PIDs", "au", {"1", "2"}), property("After", "as", {}),
        property("AllowedCPUs", "ay", {"255"}), property("Delegate", "b", {"true"})};
    CHECK(must(decode(encode(properties))) == properties);
    CHECK(must(decode("")).empty());
}

TEST_CASE("anything else than the protocol is refused", "[cgroup]") {
    const std::string good = encode({property("Description", "s", {"x"})});
    for (std::size_t length = 1; length < good.size(); length++) {
        CHECK(error_of(decode(good.substr(0, length))).code == EINVAL);
    }
    CHECK(error_of(decode(good + "x")).code == EINVAL);
    CHECK(error_of(decode(encode({property("Descri ption", "s", {"x"})}))).code == EINVAL);
    CHECK(error_of(decode(encode({property("ExecStart", "a(sasb)", {"x"})}))).code == EINVAL);
    CHECK(error_of(decode(encode({property("Delegate", "b", {})}))).code == EINVAL);
    CHECK(error_of(decode(encode({property("Delegate", "b", {"true", "false"})}))).code == EINVAL);
    using namespace std::string_literals;
    CHECK(error_of(decode("After\0as\099999999\0"s)).code == EINVAL);
    CHECK(error_of(decode("After\0as\0-1\0"s)).code == EINVAL);
}

} // namespace ballast::isolate
