// SPDX-License-Identifier: Apache-2.0
// The test suites of others, from $BALLAST_PEERS: docs/usage/peers.md says what belongs there. What crun or runc passes
// in this image (tests/peers/expected) ballast-oci must pass, too.
#include <algorithm>
#include <catch2/catch_test_macros.hpp>
#include <iostream>
#include <set>
#include <sstream>

#include "base/file_io.h"
#include "tests/peers/peer_machine.h"
#include "tests/unit/check.h"

namespace ballast::peers {
namespace {

using Names = std::set<std::string>;

constexpr std::chrono::minutes kSuiteTime{60};

// One name a line; lines that begin with "#" are comments.
Names expected(const std::string &file) {
    Names names;
    std::istringstream lines(must(read_file("tests/peers/expected/" + file)));
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty() && !line.starts_with('#')) {
            names.insert(line);
        }
    }
    return names;
}

// Runs a suite whose script prints "pass NAME" or "fail NAME" for each test, and checks that all of `wanted` passed.
void check_suite(vm::Machine &machine, const std::string &script, const Names &wanted) {
    const Completed completed = must(machine.run(script, kSuiteTime));
    Names passed;
    std::istringstream lines(completed.output);
    for (std::string line; std::getline(lines, line);) {
        if (line.starts_with("pass ")) {
            passed.insert(line.substr(5)); // NOLINT(readability-magic-numbers): the word's length
        }
    }
    std::string missing;
    for (const std::string &name : wanted) {
        missing += passed.contains(name) ? "" : name + "\n";
    }
    std::cout << passed.size() << " passed, " << wanted.size() << " wanted\n";
    CHECK(missing == "");
}

} // namespace

TEST_CASE("ballast-oci passes what crun or runc passes of runtime-tools' validation", "[peers][vm]") {
    const auto suite = given_peer("runtime-tools");
    vm::Machine machine = peer_machine();
    must(machine.copy_in(suite, "/var/lib/peers/runtime-tools"));
    check_suite(machine,
                "cd /var/lib/peers/runtime-tools; for t in validation/*/*.t; do n=$(basename $t .t); "
                "if RUNTIME=" +
                    std::string(kOurs) +
                    " timeout 100 $t >/tmp/tap 2>/dev/null </dev/null && ! grep -q '^not ok' /tmp/tap; "
                    "then echo pass $n; else echo fail $n; fi; done",
                expected("runtime-tools.txt"));
}

TEST_CASE("ballast-oci passes what crun passes of its own tests", "[peers][vm]") {
    const auto suite = given_peer("crun-tests");
    vm::Machine machine = peer_machine();
    must(machine.copy_in(suite, "/var/lib/peers/crun-tests"));
    check_suite(
        machine,
        "cd /var/lib/peers/crun-tests; export CGROUP_MANAGER=cgroupfs INIT=$PWD/tests/init OCI_RUNTIME=" +
            std::string(kOurs) +
            "; for t in tests/test_*.py; do n=$(basename $t .py); timeout 600 python3 $t 2>/dev/null </dev/null | "
            "sed -n \"/#SKIP/d; s, # [0-9.]*s$,,; s#^ok [0-9]* - #pass $n/#p; s#^not ok [0-9]* - #fail $n/#p\"; done",
        expected("crun-tests.txt"));
}

} // namespace ballast::peers
