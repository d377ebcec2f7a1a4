// SPDX-License-Identifier: Apache-2.0
// ballast-oci by itself in the image: limits that only a real cgroup keeps.
#include <nlohmann/json.hpp>

#include "tests/bundles/seccomp_profile.h"
#include "tests/bundles/spec.h"
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("a container with a memory limit of 1 MiB runs", "[vm]") {
    const TemporaryDirectory bundle = must(TemporaryDirectory::create("/tmp", "small-limit-"));
    const std::string profile = must(read_file("/usr/share/containers/seccomp.json"));
    nlohmann::ordered_json spec =
        bundles::engine_spec({"/payload"}, must(bundles::resolve_profile(profile, bundles::default_capabilities())));
    spec["linux"]["resources"]["memory"] = {{"limit", 1 << 20}, {"swap", 1 << 20}};
    must(write_file(bundle.path() / "config.json", spec.dump()));
    for (const char *directory : {"proc", "sys", "dev"}) {
        must(make_directories(bundle.path() / "rootfs" / directory));
    }
    must(write_file(bundle.path() / "rootfs/payload", must(read_file(BALLAST_PAYLOAD_PROGRAM)), 0755));
    must(write_file(bundle.path() / "rootfs/eater", must(read_file(BALLAST_EATER_PROGRAM)), 0755));
    Machine machine = booted();
    must(machine.copy_in(bundle.path(), "/var/lib/test/bundle"));
    // The first run compiles the filter, the others take it from the cache.
    for (int i = 0; i < 5; ++i) {
        const Completed ran = must(machine.run("/usr/lib/ballast/ballast-oci run -b /var/lib/test/bundle small"));
        INFO(ran.errors);
        CHECK(ran.status == 0);
    }
    // The limit is one: a program that is larger does not run in it.
    must(machine.run_checked("sed -i 's|\"/payload\"|\"/eater\",\"8\"|' /var/lib/test/bundle/config.json"));
    CHECK(must(machine.run("/usr/lib/ballast/ballast-oci run -b /var/lib/test/bundle large")).status == 137);
    check_says_nothing(machine, "/usr/lib/ballast/ballast-oci list -q");
}
