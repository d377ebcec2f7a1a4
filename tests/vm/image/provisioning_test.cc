// SPDX-License-Identifier: Apache-2.0
// cloud-init with a NoCloud seed, as an operator would write one.
#include <format>

#include "tests/vm/image/guest.h"

using namespace ballast;
using namespace ballast::vm;
namespace fs = std::filesystem;

namespace {

constexpr char kUserData[] = R"(#cloud-config
hostname: pelican
users:
  - name: ada
    gecos: Ada
    groups: [docker]
    shell: /bin/bash
    lock_passwd: true
    sudo: "ALL=(ALL) NOPASSWD:ALL"
    ssh_authorized_keys:
      - {}
write_files:
  - path: /etc/ballast-test/written.conf
    permissions: "0640"
    content: |
      written by the seed
ntp:
  servers: [10.0.2.3]
ca_certs:
  trusted:
    - |
{}
runcmd:
  - [sh, -c, "echo ran >>/var/lib/ballast-test-ran"]
)";

void generate(std::vector<std::string> arguments, const fs::path &directory) {
    (void)must(run_checked({.arguments = std::move(arguments), .directory = directory}));
}

// A key for the user, an authority, and a certificate that it issued.
struct Secrets {
    TemporaryDirectory directory = scratch();
    fs::path key = directory.path() / "key";
    fs::path leaf = directory.path() / "leaf.pem";

    Secrets() {
        const fs::path &here = directory.path();
        generate({"ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "ada", "-f", "key"}, here);
        generate({"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days",
                  "3650", "-subj", "/CN=An operator's authority", "-keyout", "authority.key", "-out", "authority.pem"},
                 here);
        generate({"openssl",
                  "req",
                  "-x509",
                  "-newkey",
                  "ec",
                  "-pkeyopt",
                  "ec_paramgen_curve:P-256",
                  "-nodes",
                  "-days",
                  "3650",
                  "-subj",
                  "/CN=registry.internal",
                  "-CA",
                  "authority.pem",
                  "-CAkey",
                  "authority.key",
                  "-keyout",
                  "leaf.key",
                  "-out",
                  "leaf.pem"},
                 here);
    }
    std::string public_key() const { return lines_of(must(read_file(key.string() + ".pub"))).front(); }
    std::string authority(const std::string &indentation) const {
        std::string text;
        for (const std::string &line : lines_of(must(read_file(directory.path() / "authority.pem")))) {
            text += (text.empty() ? "" : "\n") + indentation + line;
        }
        return text;
    }
};

Completed by_ssh(const Machine &machine, const fs::path &key, const std::string &user, const std::string &command) {
    return must(run({.arguments = {"ssh", "-F", "none", "-p", std::to_string(must(machine.port(22))), "-i",
                                   key.string(), "-o", "IdentitiesOnly=yes", "-o", "IdentityAgent=none", "-o",
                                   "BatchMode=yes", "-o", "StrictHostKeyChecking=no", "-o",
                                   "UserKnownHostsFile=/dev/null", user + "@127.0.0.1", command}}));
}

TemporaryDirectory seed_of(const std::string &user_data) {
    TemporaryDirectory seed = scratch();
    must(write_file(seed.path() / "user-data", user_data));
    must(write_file(seed.path() / "meta-data", "instance-id: ballast-test-1\n"));
    return seed;
}

} // namespace

TEST_CASE("a seed's user, key, name, files, commands, time server and authority take effect, once", "[vm]") {
    const Secrets secrets;
    const TemporaryDirectory seed = seed_of(std::format(kUserData, secrets.public_key(), secrets.authority("      ")));
    MachineOptions options = image_options();
    options.seed = seed.path();
    Machine machine = must(Machine::boot(options));

    const Completed status = must(machine.run("cloud-init status --wait --long"));
    INFO(status.output << status.errors);
    CHECK(status.status == 0);
    CHECK(status.output.contains("status: done"));
    CHECK(status.output.contains("DataSourceNoCloud"));

    CHECK(said(machine, "cat /proc/sys/kernel/hostname") == "pelican");
    CHECK(said(machine, "cat /etc/hostname") == "pelican");
    CHECK(said(machine, "id -Gn ada") == "ada docker");
    CHECK(said(machine, "passwd -S ada").starts_with("ada L "));
    CHECK(said(machine, "getent passwd ada | cut -d: -f5,6,7") == "Ada:/home/ada:/bin/bash");
    CHECK(said(machine, "stat -c '%a %U:%G' /etc/ballast-test/written.conf") == "640 root:root");
    CHECK(said(machine, "cat /etc/ballast-test/written.conf") == "written by the seed");
    CHECK(said(machine, "timedatectl show-timesync --property=SystemNTPServers --value") == "10.0.2.3");
    must(machine.copy_in(secrets.leaf, "/var/tmp/leaf.pem"));
    CHECK(said(machine, "openssl verify -CApath /etc/ssl/certs /var/tmp/leaf.pem") == "/var/tmp/leaf.pem: OK");
    CHECK(said(machine, "openssl verify -CAfile /etc/ssl/certs/ca-certificates.crt /var/tmp/leaf.pem") ==
          "/var/tmp/leaf.pem: OK");

    const Completed login = by_ssh(machine, secrets.key, "ada", "id -un && sudo -n id -un && pwd -P");
    INFO(login.errors);
    CHECK(login.status == 0);
    CHECK(login.output == "ada\nroot\n/var/home/ada\n");
    CHECK(by_ssh(machine, secrets.key, "root", "true").status == 255); // the key is ada's

    const std::string keys = said(machine, "cat /etc/ssh/ssh_host_*");
    must(machine.reboot());
    CHECK(said(machine, "cloud-init status --wait").contains("status: done"));
    CHECK(said(machine, "cat /var/lib/ballast-test-ran") == "ran"); // not twice
    CHECK(said(machine, "cat /etc/ssh/ssh_host_*") == keys);
    CHECK(said(machine, "cat /proc/sys/kernel/hostname") == "pelican");
    CHECK(by_ssh(machine, secrets.key, "ada", "true").status == 0);
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}

TEST_CASE("a machine whose user-data does not read boots all the same and says so", "[vm]") {
    const TemporaryDirectory seed = seed_of("#cloud-config\nhostname: pelican\nusers: [unclosed\n");
    MachineOptions options = image_options();
    options.seed = seed.path();
    Machine machine = must(Machine::boot(options));
    const Completed status = must(machine.run("cloud-init status --wait --long"));
    INFO(status.output << status.errors);
    CHECK(status.status == 2); // recoverable errors
    CHECK(status.output.contains("degraded"));
    CHECK(status.output.contains("Failed loading yaml blob"));
    CHECK(said(machine, "systemctl is-active multi-user.target") == "active");
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
    CHECK(said(machine, "cat /proc/sys/kernel/hostname") == "ballast");
    CHECK(said(machine, "passwd -S root").starts_with("root L "));
}
