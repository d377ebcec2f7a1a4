// SPDX-License-Identifier: Apache-2.0
// What an operator sends to people who cannot log in.
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("a support bundle of the machine has all its parts, and no secret", "[vm]") {
    Machine machine = booted();
    must(machine.run_checked("mkdir -p /etc/ballast && echo '{\"proxy\": \"http://me:hunter2@proxy:3128\"}' "
                             ">/etc/ballast/updater.json && logger 'the password=hunter2 is in the journal'"));
    CHECK(must(machine.run("setpriv --reuid=nobody --clear-groups ballast support-bundle")).status == 1);
    const Completed made = must(machine.run("ballast support-bundle --output /var/tmp/bundle.tar.zst"));
    INFO(made.output << made.errors);
    REQUIRE(made.status == 0);
    CHECK(made.errors.empty()); // everything could be had
    CHECK(said(machine, "stat -c '%a %U' /var/tmp/bundle.tar.zst") == "600 root");
    must(machine.run_checked("tar -C /run --zstd -xf /var/tmp/bundle.tar.zst"));
    for (const char *part : {"updates/status.json", "ostree/status.txt", "engine/info.json", "engine/containers.json",
                             "system/units.txt", "disk/space.txt", "network/rules.txt", "journal/boot-0.txt",
                             "files/etc/ballast/updater.json", "files/boot/grub2/grubenv"}) {
        INFO(part);
        CHECK(must(machine.run(std::string("test -s /run/ballast-support/") + part)).status == 0);
    }
    CHECK(said(machine, "cat /run/ballast-support/files/etc/ballast/updater.json").contains("http://(removed)@proxy"));
    CHECK(said(machine, "cat /run/ballast-support/journal/boot-0.txt").contains("the password=(removed) is in"));
    check_says_nothing(machine, "grep -rl hunter2 /run/ballast-support || true");
    check_says_nothing(machine, "grep -rl 'command not found\\|No such file' /run/ballast-support/system "
                                "/run/ballast-support/network /run/ballast-support/disk || true");
}
