// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/cgroup_tree.h"

#include <limits>

#include "runtime/isolate/cgroup.h"
#include "tests/unit/check.h"

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" // what a test does not name is not given

namespace ballast::isolate {

TEST_CASE("controllers are read, named and enabled as a set", "[cgroup]") {
    CHECK(controller::parse("cpuset cpu io memory hugetlb pids rdma misc dmem\n") == 511);
    CHECK(controller::parse("") == 0);
    CHECK(controller::parse("cpu2 perf_event memory") == controller::kMemory);
    CHECK(controller::names(controller::kCpu | controller::kPids) == "cpu, pids");
    CHECK(controller::enable(controller::kIo | controller::kMemory) == "+io +memory");
}

TEST_CASE("our own cgroup is the line of version 2", "[cgroup]") {
    CHECK(must(parse_own_cgroup("12:pids:/a\n0::/user.slice/x.scope\n")) == "/user.slice/x.scope");
    CHECK(must(parse_own_cgroup("0::/\n")) == "/");
    CHECK(must(parse_own_cgroup("0::/gone (deleted)\n")) == "/gone");
    CHECK(error_of(parse_own_cgroup("3:cpu:/a\n")).code == ENOTSUP);
    CHECK(error_of(parse_own_cgroup("")).code == ENOTSUP);
    CHECK(error_of(parse_own_cgroup("0::/../elsewhere\n")).code == EINVAL);
}

TEST_CASE("paths of cgroups are made plain or refused", "[cgroup]") {
    CHECK(must(normal_cgroup_path("web")) == "/web");
    CHECK(must(normal_cgroup_path("//machine/./web//")) == "/machine/web");
    for (const char *path : {"", "/", "//.", "..", "/a/../b", "a/..", "./../outside", "a\nb", "a\x7f"}) {
        CHECK_FALSE(normal_cgroup_path(path).has_value());
    }
    CHECK(error_of(normal_cgroup_path("foo/../../outside")).message ==
          R"(cgroup path "foo/../../outside": `..` components are not allowed)");
    CHECK(error_of(normal_cgroup_path(std::string(300, 'a'))).code == ENAMETOOLONG);
    std::string deep;
    for (int level = 0; level < 100; level++) {
        deep += "/" + std::string(100, 'a');
    }
    CHECK(error_of(normal_cgroup_path(deep)).code == ENAMETOOLONG);
    CHECK(parent_cgroup("/a/b") == "/a");
    CHECK(parent_cgroup("/a") == "/");
    CHECK(parent_cgroup("/") == "/");
}

TEST_CASE("files of numbers are read strictly", "[cgroup]") {
    CHECK(whole_number("12\n") == 12);
    CHECK(whole_number("max\n") == std::numeric_limits<std::uint64_t>::max());
    for (const char *text : {"", "\n", "-1", "12 ", "12\n\n", "0x10", "99999999999999999999"}) {
        CHECK_FALSE(whole_number(text).has_value());
    }
    CHECK(flat_value("populated 1\nfrozen 0\n", "frozen") == 0);
    CHECK(flat_value("populated 1\nfrozen 0\n", "populated") == 1);
    CHECK_FALSE(flat_value("populated 1\n", "popul").has_value());
    CHECK_FALSE(flat_value("", "frozen").has_value());
}

TEST_CASE("a container with cgroups disabled has none, whatever its file asks for", "[cgroup]") {
    Cgroup cgroup = must(Cgroup::create({.manager = CgroupManager::kDisabled, .id = "web"}, {.pids_limit = 5}));
    CHECK_FALSE(cgroup.clone_into().has_value());
    must(cgroup.adopt(1));
    CHECK(cgroup.place().path.empty());
    CHECK(cgroup.directory().get() == -1);
    CHECK(error_of(cgroup.freeze()).code == ENOTSUP);
    CHECK(error_of(cgroup.processes()).code == ENOTSUP);
    CHECK(error_of(cgroup.signal_all(9)).code == ENOTSUP);
    CHECK_FALSE(must(cgroup.frozen()));
    must(cgroup.remove());
}

TEST_CASE("resources that cannot be are refused before any cgroup is made", "[cgroup]") {
    const CgroupRequest request{.manager = CgroupManager::kCgroupfs, .id = "web", .cgroups_path = "/ballast-test"};
    CHECK(error_of(Cgroup::create(request, {.network_given = true})).code == ENOTSUP);
    oci::Resources resources;
    resources.devices = {{.allow = true, .type = 'x', .major = {}, .minor = {}, .access = "r"}};
    CHECK(error_of(Cgroup::create(request, resources)).code == EINVAL);
    CgroupRequest systemd{.manager = CgroupManager::kSystemd, .id = "web", .cgroups_path = "/no/systemd/path"};
    CHECK(error_of(Cgroup::create(systemd, {})).code == EINVAL);
    systemd.cgroups_path.clear();
    systemd.annotations = {{"org.systemd.property.ExecStart", "'/bin/sh'"}};
    CHECK(error_of(Cgroup::create(systemd, {})).code == EPERM);
}

TEST_CASE("a place from a state file is checked before it is used", "[cgroup]") {
    CHECK(error_of(Cgroup::open({.manager = CgroupManager::kCgroupfs, .path = "/../host", .scope = {}})).code ==
          EINVAL);
    CHECK(error_of(Cgroup::open({.manager = CgroupManager::kSystemd, .path = "/a", .scope = "a b.scope"})).code ==
          EINVAL);
    CHECK(error_of(Cgroup::open({.manager = CgroupManager::kSystemd, .path = "/a", .scope = ""})).code == EINVAL);
    Cgroup none = must(Cgroup::open({.manager = CgroupManager::kCgroupfs, .path = "", .scope = ""}));
    must(none.remove());
}

} // namespace ballast::isolate
