// SPDX-License-Identifier: Apache-2.0
// What a reboot keeps, and what it repairs.
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("a reboot keeps what is the machine's own and makes a lost account again", "[vm]") {
    Machine machine = booted();
    constexpr const char *kOwn = "cat /etc/machine-id /etc/ssh/ssh_host_*";
    const std::string identity = said(machine, kOwn);
    must(machine.run_checked(
        "echo 'changed by hand' >/etc/motd && echo new >/etc/ballast-test.conf && "
        "echo state >/var/lib/ballast-test && "
        "printf '#!/bin/sh\\necho mine\\n' >/usr/local/bin/mine && chmod 0755 /usr/local/bin/mine"));
    // A user and a group that the running system does not hold on to, with what else knows them.
    must(machine.run_checked("for file in passwd shadow; do sed -i '/^dhcpcd:/d' /etc/$file; done; "
                             "for file in group gshadow; do sed -i '/^docker:/d' /etc/$file; done; "
                             "! getent passwd dhcpcd && ! getent group docker"));

    must(machine.reboot());
    CHECK(said(machine, "cat /etc/motd") == "changed by hand");
    CHECK(said(machine, "cat /etc/ballast-test.conf") == "new");
    CHECK(said(machine, "cat /var/lib/ballast-test") == "state");
    CHECK(said(machine, "mine") == "mine");
    CHECK(said(machine, kOwn) == identity);
    CHECK(said(machine, "getent passwd dhcpcd | cut -d: -f3,4") == "983:65534");
    CHECK(said(machine, "getent group docker | cut -d: -f3") == "960");
    CHECK(said(machine, "journalctl --list-boots --no-pager --quiet | wc -l") == "2");
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    CHECK(must(machine.run("touch /usr/x")).status != 0);
    CHECK(must(machine.run("touch /x")).status != 0);
}
