// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/runtime/oci/config.h"

using namespace ballast;
using namespace ballast::oci;

namespace {

std::string refused(const std::string &seccomp) { return refusal({{"/linux/seccomp", seccomp}}); }

std::string refused_rule(const std::string &rule) {
    return refused(R"({"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [)" + rule + "]}");
}

} // namespace

TEST_CASE("a seccomp profile is read", "[spec]") {
    Seccomp seccomp = *spec_with({{"/linux/seccomp", R"({
        "defaultAction": "SCMP_ACT_ERRNO", "defaultErrnoRet": 38, "architectures": ["SCMP_ARCH_X86_64"],
        "flags": ["SECCOMP_FILTER_FLAG_LOG"], "listenerPath": "/run/l", "listenerMetadata": "m",
        "syscalls": [{"names": ["clone", "no_such_call"], "action": "SCMP_ACT_NOTIFY",
                      "args": [{"index": 5, "value": 18446744073709551615, "valueTwo": 1, "op": "SCMP_CMP_MASKED_EQ"}]}]
        })"}})
                           .linux_.seccomp;
    REQUIRE(seccomp.default_errno_ret == 38);
    REQUIRE(seccomp.syscalls[0].names[1] == "no_such_call");
    REQUIRE(seccomp.syscalls[0].args[0].value == 18446744073709551615U);
    REQUIRE_FALSE(seccomp.syscalls[0].errno_ret.has_value());
}

TEST_CASE("seccomp names are those of the specification", "[spec]") {
    REQUIRE(refused("{}") == "linux.seccomp.defaultAction: missing");
    REQUIRE(refused(R"({"defaultAction": "ALLOW"})").starts_with("linux.seccomp.defaultAction: want one of SCMP_ACT_"));
    REQUIRE(refused(R"({"defaultAction": "SCMP_ACT_ALLOW", "architectures": ["amd64"]})") ==
            "linux.seccomp.architectures[0]: want an architecture, have \"amd64\"");
    REQUIRE(refused(R"({"defaultAction": "SCMP_ACT_ALLOW", "flags": ["LOG"]})")
                .starts_with("linux.seccomp.flags[0]: want one of SECCOMP_FILTER_FLAG_LOG, "));
    REQUIRE(refused_rule(R"({"names": [], "action": "SCMP_ACT_LOG"})") ==
            "linux.seccomp.syscalls[0].names: want at least one item, have none");
    REQUIRE(refused_rule(R"({"action": "SCMP_ACT_LOG"})") == "linux.seccomp.syscalls[0].names: missing");
    REQUIRE(refused_rule(R"({"names": ["a"]})") == "linux.seccomp.syscalls[0].action: missing");
    REQUIRE(refused_rule(R"({"names": ["a"], "action": "SCMP_ACT_LOG",
                             "args": [{"index": 6, "value": 1, "op": "SCMP_CMP_EQ"}]})") ==
            "linux.seccomp.syscalls[0].args[0].index: want a whole number from 0 to 5, have 6");
    REQUIRE(
        refused_rule(R"({"names": ["a"], "action": "SCMP_ACT_LOG", "args": [{"index": 0, "value": 1, "op": "EQ"}]})")
            .starts_with("linux.seccomp.syscalls[0].args[0].op: want one of SCMP_CMP_EQ, "));
}

TEST_CASE("an errno stands with actions that take one", "[spec]") {
    REQUIRE(refused_rule(R"({"names": ["a"], "action": "SCMP_ACT_TRACE", "errnoRet": 65535})").empty());
    REQUIRE(refused_rule(R"({"names": ["a"], "action": "SCMP_ACT_ERRNO", "errnoRet": 4096})") ==
            "linux.seccomp.syscalls[0].errnoRet: want a whole number from 0 to 4095, have 4096");
    REQUIRE(refused_rule(R"({"names": ["a"], "action": "SCMP_ACT_ALLOW", "errnoRet": 1})") ==
            "linux.seccomp.syscalls[0].errnoRet: want none with SCMP_ACT_ALLOW, have 1");
    REQUIRE(refused(R"({"defaultAction": "SCMP_ACT_KILL", "defaultErrnoRet": 1})") ==
            "linux.seccomp.defaultErrnoRet: want none with SCMP_ACT_KILL, have 1");
}

TEST_CASE("notifications need somebody to listen", "[spec]") {
    REQUIRE(refused_rule(R"({"names": ["a"], "action": "SCMP_ACT_NOTIFY"})") ==
            "linux.seccomp.syscalls[0].action: SCMP_ACT_NOTIFY needs listenerPath");
    REQUIRE(refused(R"({"defaultAction": "SCMP_ACT_NOTIFY", "listenerPath": "/l"})")
                .starts_with("linux.seccomp.defaultAction: want an action other than SCMP_ACT_NOTIFY"));
    REQUIRE(refused(R"({"defaultAction": "SCMP_ACT_LOG", "listenerPath": "l"})") ==
            "linux.seccomp.listenerPath: want an absolute path, have \"l\"");
    REQUIRE(refused(R"({"defaultAction": "SCMP_ACT_LOG", "listenerMetadata": "m"})") ==
            "linux.seccomp.listenerMetadata: needs listenerPath");
}
