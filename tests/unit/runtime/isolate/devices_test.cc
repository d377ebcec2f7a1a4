// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/devices.h"

#include <algorithm>
#include <string_view>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

const DeviceStep *find(const std::vector<DeviceStep> &devices, std::string_view path) {
    auto found = std::ranges::find(devices, path, &DeviceStep::path);
    return found == devices.end() ? nullptr : &*found;
}

oci::Spec with(oci::Device device) {
    oci::Spec spec;
    spec.linux_.devices = {std::move(device)};
    return spec;
}

} // namespace

TEST_CASE("every container has the six devices of the specification", "[devices]") {
    std::vector<DeviceStep> devices = must(plan_devices({}, false, false));
    REQUIRE(devices.size() == 6);
    for (auto [path, number] : {std::pair{"/dev/null", makedev(1, 3)},
                                {"/dev/zero", makedev(1, 5)},
                                {"/dev/full", makedev(1, 7)},
                                {"/dev/random", makedev(1, 8)},
                                {"/dev/urandom", makedev(1, 9)},
                                {"/dev/tty", makedev(5, 0)}}) {
        const DeviceStep *device = find(devices, path);
        REQUIRE(device != nullptr);
        CHECK(device->number == number);
        CHECK(device->type == S_IFCHR);
        CHECK(device->mode == 0666);
        CHECK(device->parent == "dev");
        CHECK_FALSE(device->bound);
    }
}

TEST_CASE("a device of the specification takes the place of a default", "[devices]") {
    std::vector<DeviceStep> devices = must(plan_devices(
        with({.path = "/dev//null", .type = 'c', .major = 1, .minor = 3, .file_mode = 0600, .uid = 5, .gid = {}}),
        false, false));
    REQUIRE(devices.size() == 6);
    const DeviceStep *device = find(devices, "/dev/null");
    REQUIRE(device != nullptr);
    CHECK(device->mode == 0600);
    CHECK(device->uid == 5);
    CHECK(device->owned);
}

TEST_CASE("ptmx and a terminal's console are no nodes", "[devices]") {
    oci::Spec spec;
    spec.linux_.devices = {
        {.path = "/dev/ptmx", .type = 'c', .major = 5, .minor = 2, .file_mode = {}, .uid = {}, .gid = {}},
        {.path = "/dev/console", .type = 'c', .major = 5, .minor = 1, .file_mode = {}, .uid = {}, .gid = {}}};
    CHECK(must(plan_devices(spec, false, true)).size() == 6);
    CHECK(must(plan_devices(spec, false, false)).size() == 7);
}

TEST_CASE("in a user namespace nodes are bound and pipes still made", "[devices]") {
    oci::Spec spec =
        with({.path = "/run/pipe", .type = 'p', .major = 0, .minor = 0, .file_mode = {}, .uid = 1, .gid = 2});
    spec.linux_.uid_mappings = spec.linux_.gid_mappings = {{0, 100000, 65536}};
    std::vector<DeviceStep> devices = must(plan_devices(spec, true, false));
    CHECK(find(devices, "/dev/null")->bound);
    CHECK(find(devices, "/dev/null")->host_uid == 100000);
    CHECK_FALSE(find(devices, "/run/pipe")->bound);
    CHECK(find(devices, "/run/pipe")->parent == "run");
}

TEST_CASE("a device that cannot be is refused with its place", "[devices]") {
    oci::Spec spec =
        with({.path = "/dev/x", .type = 'c', .major = 1 << 20, .minor = 0, .file_mode = {}, .uid = {}, .gid = {}});
    CHECK(error_of(plan_devices(spec, false, false)).message ==
          "linux.devices[0]: /dev/x: no such device number 1048576:0");
    spec = with({.path = "/", .type = 'c', .major = 1, .minor = 0, .file_mode = {}, .uid = {}, .gid = {}});
    CHECK(error_of(plan_devices(spec, false, false)).message ==
          "linux.devices[0].path: \"/\" is no place for a device");
    spec = with({.path = "/dev/x", .type = 'c', .major = 1, .minor = 3, .file_mode = {}, .uid = 70000, .gid = {}});
    spec.linux_.uid_mappings = spec.linux_.gid_mappings = {{0, 100000, 65536}};
    CHECK(error_of(plan_devices(spec, true, false)).code == EINVAL);
}

} // namespace ballast::isolate
