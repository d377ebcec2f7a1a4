// SPDX-License-Identifier: Apache-2.0
#include <catch2/catch_test_macros.hpp>

#include "runtime/engine/mount_points.h"
#include "tests/unit/check.h"

namespace ballast::engine {
namespace {

Result<std::vector<MountPoint>> binds(const Texts &list) {
    HostConfig host;
    host.binds = list;
    return plan_mount_points({}, host, {});
}

} // namespace

TEST_CASE("the option -v tells host directories from volumes, and reads its options", "[engine]") {
    const auto mounts = must(binds({"/host/../data:/b:ro,rshared", "vol:/a:nocopy"}));
    REQUIRE(mounts.size() == 2);
    CHECK(mounts[0].type == "volume");
    CHECK(mounts[0].name == "vol");
    CHECK_FALSE(mounts[0].copy_up);
    CHECK(mounts[1].type == "bind");
    CHECK(mounts[1].source == "/data");
    CHECK(mounts[1].propagation == "rshared");
    CHECK_FALSE(mounts[1].writable);
    CHECK(mounts[1].create_source);
}

TEST_CASE("the option -v that cannot be is refused", "[engine]") {
    for (const char *bad : {"", "/a", ":/b", "/a:b", "/a:/", "/a:/..", "/a:/b:xx", "/a:/b:ro,rw", "vol:/b:rshared",
                            "../x:/b", "/a:/b:ro:more"}) {
        INFO(bad);
        CHECK_FALSE(binds({bad}));
    }
    CHECK(binds({"/a:/x", "/b:/x/"}).error().message == "Duplicate mount point: /x");
}

TEST_CASE("the option --mount checks which options belong to which type", "[engine]") {
    HostConfig host;
    host.mounts = {{.type = "bind", .source = "/a", .target = "/b"}};
    CHECK_FALSE(must(plan_mount_points({}, host, {})).front().create_source);
    host.mounts.front().tmpfs.emplace();
    CHECK_FALSE(plan_mount_points({}, host, {}));
    host.mounts = {{.type = "cluster", .source = "/a", .target = "/b"}};
    CHECK_FALSE(plan_mount_points({}, host, {}));
    host.mounts = {{.type = "tmpfs", .source = "/a", .target = "/b"}};
    CHECK_FALSE(plan_mount_points({}, host, {}));
    host.mounts = {{.type = "bind", .source = "relative", .target = "/b"}};
    CHECK_FALSE(plan_mount_points({}, host, {}));
}

TEST_CASE("volumes of the image come where nothing of the user's is, parents first", "[engine]") {
    Config config;
    config.volumes = {"/data/sub", "/data"};
    HostConfig host;
    host.binds = {"/x:/data/sub"};
    const auto mounts =
        must(plan_mount_points(config, host, {{.type = "bind", .source = "/y", .destination = "/data/sub"}}));
    REQUIRE(mounts.size() == 2);
    CHECK(mounts[0].destination == "/data");
    CHECK(mounts[0].anonymous);
    CHECK(mounts[1].source == "/x");
}

TEST_CASE("the option --volumes-from reads its mode", "[engine]") {
    CHECK(must(parse_volumes_from("db:ro")).read_only);
    CHECK_FALSE(must(parse_volumes_from("db")).read_only);
    CHECK_FALSE(parse_volumes_from("db:xx"));
    CHECK_FALSE(parse_volumes_from(":ro"));
}

} // namespace ballast::engine
