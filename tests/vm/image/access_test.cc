// SPDX-License-Identifier: Apache-2.0
// Who gets in: nobody without a key that was put there.
#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;

TEST_CASE("no account has a password", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "passwd -S root").starts_with("root L "));
    check_says_nothing(machine, "passwd -S -a | awk '$2 != \"L\"'");
    // Neither empty nor a hash: nothing that any password would match.
    check_says_nothing(machine, "awk -F: '$2 !~ /^[!*]/' /etc/shadow");
}

TEST_CASE("ssh takes keys only", "[vm]") {
    Machine machine = booted();
    const std::string settings = "\n" + said(machine, "sshd -T") + "\n";
    CHECK((settings.contains("\npermitrootlogin without-password\n") ||
           settings.contains("\npermitrootlogin prohibit-password\n")));
    CHECK(settings.contains("\npasswordauthentication no\n"));
    CHECK(settings.contains("\nkbdinteractiveauthentication no\n"));
    CHECK(settings.contains("\npermitemptypasswords no\n"));
    // The server's own offer, to a client that has nothing else.
    const auto port = std::to_string(must(machine.port(22)));
    const Completed refused =
        must(run({.arguments = {"ssh", "-F", "none", "-p", port, "-o", "BatchMode=yes", "-o",
                                "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o",
                                "IdentityFile=none", "-o", "IdentityAgent=none", "root@127.0.0.1", "true"}}));
    INFO(refused.errors);
    CHECK(refused.status == 255);
    CHECK(refused.errors.contains("Permission denied (publickey)"));
}

TEST_CASE("the machine has host keys of its own, of the two kinds in use", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "cd /etc/ssh && ls ssh_host_*") ==
          "ssh_host_ecdsa_key\nssh_host_ecdsa_key.pub\nssh_host_ed25519_key\nssh_host_ed25519_key.pub");
    CHECK(said(machine, "stat -c '%a %U:%G' /etc/ssh/ssh_host_*_key") == "600 root:root\n600 root:root");
    CHECK(said(machine, "ssh-keygen -y -f /etc/ssh/ssh_host_ed25519_key").starts_with("ssh-ed25519 "));
    CHECK(said(machine, "ssh-keygen -y -f /etc/ssh/ssh_host_ecdsa_key").starts_with("ecdsa-sha2-nistp256 "));
    check_says_nothing(machine, "ls /usr/etc/ssh/ssh_host_* 2>/dev/null; true"); // none came with the image
}
