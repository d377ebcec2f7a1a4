// SPDX-License-Identifier: Apache-2.0
// What is read-only, what is the machine's own, and which deployment this is.
#include <algorithm>

#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("the system is read-only for root, its configuration and state are writable", "[vm]") {
    Machine machine = booted();
    const Completed in_usr = must(machine.run("touch /usr/x"));
    CHECK(in_usr.status != 0);
    CHECK(in_usr.errors.contains("Read-only file system")); // EROFS
    for (const char *path :
         {"/x", "/usr/bin/x", "/bin/x", "/lib/modules/x", "/sysroot/x", "/ostree/repo/x", "/boot/x"}) {
        INFO(path);
        CHECK(must(machine.run(std::string("touch ") + path)).status != 0);
    }
    const Completed changed = must(machine.run("echo >>/usr/lib/os-release"));
    CHECK(changed.status != 0);
    CHECK(changed.errors.contains("Read-only file system"));
    for (const char *path : {"/etc/x", "/var/x", "/usr/local/bin/x", "/home/x", "/root/x", "/opt/x", "/srv/x", "/mnt/x",
                             "/tmp/x", "/run/x"}) {
        INFO(path);
        CHECK(must(machine.run(std::string("touch ") + path + " && rm " + path)).status == 0);
    }
}

TEST_CASE("the machine runs the one deployment that was built", "[vm]") {
    Machine machine = booted();
    const BuildRecord record = build_record();
    const std::string status = said(machine, "ostree admin status");
    INFO(status);
    CHECK(status.starts_with("* ballast " + record.commit + ".0"));
    CHECK(status.contains("Version: " + record.version));
    CHECK(status.contains("origin refspec: ballast:" + record.ref));
    CHECK(std::ranges::count(status, '*') == 1);
    CHECK(lines_of(said(machine, "ls -d /sysroot/ostree/deploy/*/deploy/*.?")).size() == 1);
}

TEST_CASE("every object of the repository is what its checksum says", "[vm]") {
    Machine machine = booted();
    const Completed check = must(machine.run("ostree fsck --quiet --repo=/sysroot/ostree/repo"));
    INFO(check.output << check.errors);
    CHECK(check.status == 0);
}

TEST_CASE("a boot that went well is recorded as good", "[vm]") {
    Machine machine = booted();
    const std::string arguments = said(machine, "cat /proc/cmdline");
    const std::string key = "ballast.deployment=";
    const std::size_t at = arguments.find(key);
    if (at == std::string::npos && image_options().direct_kernel) {
        SKIP("the kernel is started without the boot menu");
    }
    REQUIRE(at != std::string::npos);
    const std::size_t start = at + key.size();
    const std::string id = arguments.substr(start, arguments.find(' ', start) - start);
    CHECK(id.contains(build_record().commit));
    CHECK(said(machine, "grep ^good= /boot/grub2/grubenv") == "good=" + id);
    // GRUB reads the environment block by its exact size only.
    CHECK(said(machine, "stat -c %s /boot/grub2/grubenv") == "1024");
}
