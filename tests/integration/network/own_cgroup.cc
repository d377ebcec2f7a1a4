// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/network/own_cgroup.h"

#include <sched.h>
#include <string>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

namespace ballast::testing {

OwnCgroup::OwnCgroup() {
    if (unshare(CLONE_NEWNS) != 0 || mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
        mount("cgroup2", mount_.path().c_str(), "cgroup2", 0, nullptr) != 0) {
        SKIP("needs root, and a kernel that mounts cgroup2");
    }
    REQUIRE(mkdir(path().c_str(), 0755) == 0);
    must(write_file(path() / "cgroup.procs", std::to_string(getpid())));
}

OwnCgroup::~OwnCgroup() {
    (void)write_file(mount_.path() / "cgroup.procs", std::to_string(getpid())); // as far as it goes
    (void)rmdir(path().c_str());
    (void)umount2(mount_.path().c_str(), MNT_DETACH);
}

std::filesystem::path OwnCgroup::path() const {
    return mount_.path() / ("ballast-loopback-" + std::to_string(getpid()));
}

} // namespace ballast::testing
