// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/intel_rdt.h"

#include "tests/unit/check.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {
namespace {

namespace fs = std::filesystem;

// Directories and files as resctrl has them; the kernel would make the files of new groups.
struct FakeResctrl {
    TemporaryDirectory place = scratch();
    FakeResctrl() {
        must(write_file(place.path() / "schemata", "    MB:0=100\n    L3:0=fffff\n"));
        must(write_file(place.path() / "tasks", ""));
    }
    void group(const std::string &name, const std::string &schemata) {
        fs::create_directories(place.path() / name / "mon_groups");
        must(write_file(place.path() / name / "schemata", schemata));
        must(write_file(place.path() / name / "tasks", ""));
    }
    std::string read(const std::string &file) { return must(read_file(place.path() / file)); }
    Result<RdtPlace> enter(const oci::IntelRdt &rdt) { return enter_rdt(must(plan_rdt(rdt, "web")), 42, place.path()); }
};

} // namespace

TEST_CASE("schemata are written in the specification's order", "[rdt]") {
    const RdtPlan plan = must(plan_rdt({.clos_id = "",
                                        .schemata = {"L2:0=f", "MB:0=30"},
                                        .l3_cache_schema = "L3:0=7f0",
                                        .memory_bandwidth_schema = "MB:0=20"},
                                       "web"));
    CHECK(plan.schemata == "L3:0=7f0\nMB:0=20\nL2:0=f\nMB:0=30\n");
    CHECK(plan.place.group == "web");
    CHECK(plan.place.made);
    CHECK(plan.place.monitor.empty());
}

TEST_CASE("names of classes that are paths and schemata that are several lines are refused", "[rdt]") {
    for (const char *name : {"..", ".", "a/b", "/a", "a\nb", "info", "mon_groups", "mon_data"}) {
        CHECK(error_of(plan_rdt({.clos_id = name}, "web")).code == EINVAL);
    }
    CHECK(error_of(plan_rdt({.schemata = {"L3:0=f\nMB:0=1"}}, "web")).code == EINVAL);
    CHECK(error_of(plan_rdt({.memory_bandwidth_schema = "L3:0=f"}, "web")).code == EINVAL);
}

TEST_CASE("schemata are compared by what they mean", "[rdt]") {
    const char *file = "    MB:0=100;1= 50\n    L3:0=000ff;1=fffff\n";
    CHECK(schemata_match("L3:0=ff", file));
    CHECK(schemata_match("L3:1=FFFFF;0=ff\nMB:1=50\n", file));
    CHECK_FALSE(schemata_match("L3:0=fe", file));
    CHECK_FALSE(schemata_match("L3:2=ff", file));
    CHECK_FALSE(schemata_match("L2:0=ff", file));
}

TEST_CASE("without resctrl the error says what is missing", "[rdt]") {
    const Error error = error_of(enter_rdt(must(plan_rdt({.clos_id = "gold"}, "web")), 42));
    CHECK(error.code == ENOTSUP);
    CHECK(error.message.contains("resctrl"));
}

TEST_CASE("a class that is named alone has to be there, and stays", "[rdt]") {
    FakeResctrl resctrl;
    CHECK(error_of(resctrl.enter({.clos_id = "gold"})).message ==
          "linux.intelRdt.closID: resctrl group gold: No such file or directory");
    resctrl.group("gold", "L3:0=ff\n");
    const RdtPlace place = must(resctrl.enter({.clos_id = "gold"}));
    CHECK(resctrl.read("gold/tasks") == "42");
    CHECK_FALSE(place.made);
    must(remove_rdt(place, resctrl.place.path()));
    CHECK(fs::exists(resctrl.place.path() / "gold"));
}

TEST_CASE("a class that is there with other values is an error", "[rdt]") {
    FakeResctrl resctrl;
    resctrl.group("gold", "L3:0=ff\n");
    must(resctrl.enter({.clos_id = "gold", .l3_cache_schema = "L3:0=0ff"}));
    CHECK(error_of(resctrl.enter({.clos_id = "gold", .l3_cache_schema = "L3:0=1"})).code == EINVAL);
    CHECK(resctrl.read("gold/schemata") == "L3:0=ff\n");
}

TEST_CASE("the default class is joined and left as it is", "[rdt]") {
    FakeResctrl resctrl;
    const RdtPlace place = must(resctrl.enter({.clos_id = "/", .schemata = {"MB:0=100"}}));
    CHECK(resctrl.read("tasks") == "42");
    must(remove_rdt(place, resctrl.place.path()));
    CHECK(error_of(resctrl.enter({.clos_id = "/", .schemata = {"MB:0=10"}})).code == EINVAL);
}

TEST_CASE("a group that cannot be set up is not left behind", "[rdt]") {
    FakeResctrl resctrl;
    CHECK_FALSE(resctrl.enter({.l3_cache_schema = "L3:0=f"}).has_value()); // nobody makes its files here
    CHECK_FALSE(fs::exists(resctrl.place.path() / "web"));
    CHECK_FALSE(resctrl.enter({.enable_monitoring = true}).has_value());
    CHECK_FALSE(fs::exists(resctrl.place.path() / "web"));
}

} // namespace ballast::isolate
