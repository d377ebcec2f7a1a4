// SPDX-License-Identifier: Apache-2.0
// Networks as a machine has them: with the host's loopback addresses, and clients outside of it.
#include <chrono>
#include <filesystem>
#include <functional>
#include <thread>

#include "tests/vm/engine/docker_machine.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

namespace fs = std::filesystem;
constexpr std::uint16_t kPublished = 8080, kRemoteAccess = 2376;

Machine with_busybox() {
    MachineOptions options = image_options("network");
    options.forwarded_ports = {kPublished, kRemoteAccess};
    Machine machine = must(Machine::from_snapshot(std::move(options)));
    load_busybox(machine);
    return machine;
}

// A docker command of the machine that the test runs on.
std::string docker_here(const fs::path &home, std::vector<std::string> words) {
    words.insert(words.begin(), "docker");
    std::string output = must(run_checked({.arguments = std::move(words),
                                           .environment = {{"HOME", home.string()},
                                                           {"PATH", home.string() + ":/usr/bin:/bin"},
                                                           {"DOCKER_CONFIG", home.string()}}}));
    while (output.ends_with('\n')) {
        output.pop_back();
    }
    return output;
}

// An ssh that knows the machine's key and trusts it.
void write_ssh(const Machine &machine, const fs::path &home) {
    std::string line = "#!/bin/sh\nexec /usr/bin/ssh -o LogLevel=ERROR";
    const std::vector<std::string> words = machine.login_command();
    for (std::size_t i = 1; i + 1 < words.size(); i++) {
        line += " " + words[i];
    }
    must(write_file(home / "ssh", line + " \"$@\"\n", 0755));
}

// Soon, when not at once: who asks may be refused in no time.
bool becomes_reached(const std::function<std::string()> &ask) {
    using namespace std::chrono_literals;
    for (const auto end = std::chrono::steady_clock::now() + 60s; std::chrono::steady_clock::now() < end;) {
        if (ask() == "10.0.2.2\n") {
            return true;
        }
        std::this_thread::sleep_for(100ms);
    }
    return false;
}

} // namespace

TEST_CASE("published ports and remote clients", "[vm]") {
    Machine machine = with_busybox();
    // From another machine, while the engine is there and while it is not.
    must(machine.run_checked("docker run -d --name web -p 8080:80 -v /var/lib/test/reach:/reach:ro busybox "
                             "/reach serve tcp :: 80"));
    const std::string port = std::to_string(must(machine.port(kPublished)));
    const auto from_here = [&port] {
        return run({.arguments = {BALLAST_REACH_PROGRAM, "ask", "tcp", "127.0.0.1", port}})
            .value_or(Completed{1, "", ""})
            .output;
    };
    CHECK(from_here() == "10.0.2.2\n");
    const std::string at_loopback = "set -e; for a in 127.0.0.1 127.9.8.7 ::1 10.0.2.15; do "
                                    "/var/lib/test/reach ask tcp $a 8080; done";
    must(machine.run_checked(at_loopback));
    must(machine.run_checked("nft flush ruleset"));
    CHECK(becomes_reached(from_here));
    must(machine.run_checked("systemctl kill --signal=KILL ballastd.service && " + at_loopback));
    CHECK(from_here() == "10.0.2.2\n");
    must(machine.run_checked("docker version && systemctl restart ballastd.service && " + at_loopback));
    must(machine.run_checked("docker version && " + at_loopback));

    // Commands from another machine.
    const TemporaryDirectory home = scratch();
    write_ssh(machine, home.path());
    CHECK(docker_here(home.path(), {"-H", "ssh://root@127.0.0.1", "inspect", "-f", "{{.State.Status}}", "web"}) ==
          "running");
    CHECK(docker_here(home.path(), {"-H", "ssh://root@127.0.0.1", "exec", "web", "echo", "by ssh"}) == "by ssh");
    must(machine.run_checked("/usr/lib/ballast/remote-access 127.0.0.1"));
    must(machine.copy_out("/etc/ballast/tls/client", home.path() / "keys"));
    const auto by_tls = [&](std::vector<std::string> words) {
        const std::string place = "tcp://127.0.0.1:" + std::to_string(must(machine.port(kRemoteAccess)));
        words.insert(words.begin(),
                     {"--tlsverify", "--tlscacert", home.path() / "keys/ca.pem", "--tlscert",
                      home.path() / "keys/cert.pem", "--tlskey", home.path() / "keys/key.pem", "-H", place});
        return docker_here(home.path(), std::move(words));
    };
    CHECK(by_tls({"exec", "web", "echo", "by TLS"}) == "by TLS");
    CHECK(by_tls({"rm", "-f", "web"}) == "web");
    CHECK(must(machine.run(at_loopback)).status != 0);
    check_says_nothing(machine, "systemctl --failed --no-legend --plain");
}
