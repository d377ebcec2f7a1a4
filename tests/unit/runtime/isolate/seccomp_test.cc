// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/seccomp.h"

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <linux/seccomp.h>
#include <sys/syscall.h>

#include "tests/unit/check.h"
#include "tests/unit/runtime/isolate/classic_bpf.h"

namespace ballast::isolate {
namespace {

constexpr std::uint32_t kDenied = SECCOMP_RET_ERRNO | EPERM;

oci::SeccompRule rule(std::vector<std::string> names, std::string action, std::vector<oci::SeccompArgument> args = {}) {
    return {.names = std::move(names), .action = std::move(action), .errno_ret = std::nullopt, .args = std::move(args)};
}

oci::Seccomp allowing(std::vector<oci::SeccompRule> rules) {
    oci::Seccomp profile;
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.syscalls = std::move(rules);
    return profile;
}

SeccompProgram compiled(const oci::Seccomp &profile) {
    const TemporaryDirectory directory = scratch();
    return must(seccomp_program(profile, directory.path() / "cache"));
}

std::string refusal(const oci::Seccomp &profile, int code = EINVAL) {
    const TemporaryDirectory directory = scratch();
    const Error error = error_of(seccomp_program(profile, directory.path() / "cache"));
    CHECK(error.code == code);
    return error.message;
}

std::uint32_t asked(const SeccompProgram &program, int number, std::array<std::uint64_t, 6> args = {}) {
    const std::optional<std::uint32_t> given = answer(program.filter, {.number = number, .args = args});
    REQUIRE(given.has_value());
    return *given;
}

TEST_CASE("what is listed is allowed and the rest gets the default", "[seccomp]") {
    const SeccompProgram program = compiled(allowing({rule({"read", "write"}, "SCMP_ACT_ALLOW")}));
    CHECK(asked(program, SYS_read) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, SYS_write) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, SYS_mount) == kDenied);
    CHECK(asked(program, 9999) == kDenied);
    CHECK_FALSE(program.notifies);
    CHECK(program.flags == SECCOMP_FILTER_FLAG_SPEC_ALLOW);
}

TEST_CASE("every action is the kernel's own", "[seccomp]") {
    struct Case {
        const char *action;
        std::uint32_t answer;
    };
    for (const Case &action :
         {Case{"SCMP_ACT_KILL", SECCOMP_RET_KILL_THREAD}, Case{"SCMP_ACT_KILL_THREAD", SECCOMP_RET_KILL_THREAD},
          Case{"SCMP_ACT_KILL_PROCESS", SECCOMP_RET_KILL_PROCESS}, Case{"SCMP_ACT_TRAP", SECCOMP_RET_TRAP},
          Case{"SCMP_ACT_ERRNO", SECCOMP_RET_ERRNO | EPERM}, Case{"SCMP_ACT_TRACE", SECCOMP_RET_TRACE | EPERM},
          Case{"SCMP_ACT_LOG", SECCOMP_RET_LOG}, Case{"SCMP_ACT_NOTIFY", SECCOMP_RET_USER_NOTIF}}) {
        INFO(action.action);
        oci::Seccomp profile;
        profile.default_action = "SCMP_ACT_ALLOW";
        profile.listener_path = "/run/agent.sock";
        profile.syscalls = {rule({"mkdir"}, action.action)};
        const SeccompProgram program = compiled(profile);
        CHECK(asked(program, SYS_mkdir) == action.answer);
        CHECK(asked(program, SYS_rmdir) == SECCOMP_RET_ALLOW);
        CHECK(program.notifies); // whatever the actions are: the agent at the path waits for its listener
    }
}

TEST_CASE("errnos are given by rule and by default, to actions that have one", "[seccomp]") {
    oci::Seccomp profile = allowing(
        {rule({"read"}, "SCMP_ACT_ALLOW"), rule({"clone3"}, "SCMP_ACT_ERRNO"), rule({"ptrace"}, "SCMP_ACT_TRACE")});
    profile.default_errno_ret = ENOSYS;
    profile.syscalls[1].errno_ret = EACCES;
    profile.syscalls[2].errno_ret = 7;
    const SeccompProgram program = compiled(profile);
    CHECK(asked(program, SYS_mount) == (SECCOMP_RET_ERRNO | ENOSYS));
    CHECK(asked(program, SYS_clone3) == (SECCOMP_RET_ERRNO | EACCES));
    CHECK(asked(program, SYS_ptrace) == (SECCOMP_RET_TRACE | 7));

    profile.syscalls[0].errno_ret = 1;
    CHECK(refusal(profile) == "linux.seccomp.syscalls[0].action: SCMP_ACT_ALLOW has no errno");
    profile = allowing({});
    profile.default_action = "SCMP_ACT_KILL";
    profile.default_errno_ret = 1;
    CHECK(refusal(profile) == "linux.seccomp.defaultAction: SCMP_ACT_KILL has no errno");
    profile.default_action = "SCMP_ACT_ERRNO";
    profile.default_errno_ret = 65536;
    CHECK(refusal(profile) == "linux.seccomp.defaultAction: 65536 is no errno");
}

TEST_CASE("every operator compares as its name says, over all 64 bits", "[seccomp]") {
    constexpr std::uint64_t kValue = 0x1'0000'0005;
    struct Case {
        const char *op;
        bool below, same, above, low_half_only;
    };
    for (const Case &each :
         {Case{"SCMP_CMP_NE", true, false, true, true}, Case{"SCMP_CMP_LT", true, false, false, true},
          Case{"SCMP_CMP_LE", true, true, false, true}, Case{"SCMP_CMP_EQ", false, true, false, false},
          Case{"SCMP_CMP_GE", false, true, true, false}, Case{"SCMP_CMP_GT", false, false, true, false}}) {
        INFO(each.op);
        const SeccompProgram program = compiled(allowing(
            {rule({"personality"}, "SCMP_ACT_ALLOW", {{.index = 2, .value = kValue, .value_two = 0, .op = each.op}})}));
        const auto allows = [&](std::uint64_t value) {
            return asked(program, SYS_personality, {0, 0, value}) == SECCOMP_RET_ALLOW;
        };
        CHECK(allows(kValue - 1) == each.below);
        CHECK(allows(kValue) == each.same);
        CHECK(allows(kValue + 1) == each.above);
        CHECK(allows(5) == each.low_half_only);
        CHECK(asked(program, SYS_read, {0, 0, kValue}) == kDenied);
    }
}

TEST_CASE("a masked comparison looks at the bits of its mask", "[seccomp]") {
    const SeccompProgram program =
        compiled(allowing({rule({"clone"}, "SCMP_ACT_ALLOW",
                                {{.index = 0, .value = 0x7e020000, .value_two = 0, .op = "SCMP_CMP_MASKED_EQ"}})}));
    CHECK(asked(program, SYS_clone, {0x11}) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, SYS_clone, {0x10000011}) == kDenied); // CLONE_NEWUSER
}

TEST_CASE("comparisons of several arguments all have to match", "[seccomp]") {
    const SeccompProgram program =
        compiled(allowing({rule({"socket"}, "SCMP_ACT_ALLOW",
                                {{.index = 0, .value = 16, .value_two = 0, .op = "SCMP_CMP_EQ"},
                                 {.index = 2, .value = 9, .value_two = 0, .op = "SCMP_CMP_EQ"}})}));
    CHECK(asked(program, SYS_socket, {16, 0, 9}) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, SYS_socket, {16, 0, 8}) == kDenied);
    CHECK(asked(program, SYS_socket, {15, 0, 9}) == kDenied);
}

TEST_CASE("comparisons of one argument are alternatives", "[seccomp]") {
    const SeccompProgram program =
        compiled(allowing({rule({"personality"}, "SCMP_ACT_ALLOW",
                                {{.index = 0, .value = 0, .value_two = 0, .op = "SCMP_CMP_EQ"},
                                 {.index = 0, .value = 8, .value_two = 0, .op = "SCMP_CMP_EQ"}})}));
    CHECK(asked(program, SYS_personality, {0}) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, SYS_personality, {8}) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, SYS_personality, {1}) == kDenied);
}

TEST_CASE("another architecture's calls are killed unless it is listed", "[seccomp]") {
    oci::Seccomp profile = allowing({rule({"read"}, "SCMP_ACT_ALLOW")});
    constexpr int kRead32 = 3; // of the 32-bit table
    const Call call{.number = kRead32, .args = {}, .arch = AUDIT_ARCH_I386};
    CHECK(answer(compiled(profile).filter, call) == SECCOMP_RET_KILL_THREAD);
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_X86", "SCMP_ARCH_X32"};
    const SeccompProgram program = compiled(profile);
    CHECK(answer(program.filter, call) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, SYS_read) == SECCOMP_RET_ALLOW);
    CHECK(asked(program, 0x40000000 | SYS_read) == SECCOMP_RET_ALLOW);
    CHECK(answer(program.filter, {.number = SYS_read, .args = {}, .arch = AUDIT_ARCH_AARCH64}) ==
          SECCOMP_RET_KILL_THREAD);
}

TEST_CASE("the binary tree of a long list answers as the list does", "[seccomp]") {
    std::vector<std::string> names = {
        "accept",  "access",  "alarm", "bind",       "brk",     "chdir",  "chmod",     "chown",  "clone",  "close",
        "connect", "dup",     "dup2",  "epoll_wait", "execve",  "exit",   "fchdir",    "fchmod", "fcntl",  "flock",
        "fork",    "fstat",   "fsync", "futex",      "getcwd",  "getpid", "getuid",    "ioctl",  "kill",   "link",
        "listen",  "lseek",   "lstat", "mkdir",      "mmap",    "munmap", "nanosleep", "open",   "pause",  "pipe",
        "poll",    "pread64", "prctl", "read",       "recvmsg", "rename", "rmdir",     "select", "sendto", "setsid",
    };
    const SeccompProgram tree = compiled(allowing({rule(names, "SCMP_ACT_ALLOW")}));
    std::vector<SeccompProgram> chains;
    for (std::size_t first = 0; first < names.size(); first += 25) {
        const auto begin = names.begin() + static_cast<std::ptrdiff_t>(first);
        chains.push_back(compiled(allowing({rule({begin, begin + 25}, "SCMP_ACT_ALLOW")})));
    }
    int allowed = 0;
    for (int number = -1; number < 1000; number++) {
        const bool listed =
            asked(chains[0], number) == SECCOMP_RET_ALLOW || asked(chains[1], number) == SECCOMP_RET_ALLOW;
        CHECK((asked(tree, number) == SECCOMP_RET_ALLOW) == listed);
        allowed += listed ? 1 : 0;
    }
    CHECK(allowed == static_cast<int>(names.size()));
}

TEST_CASE("system calls that libseccomp does not know are left out", "[seccomp]") {
    const SeccompProgram program =
        compiled(allowing({rule({"no_such_call", "read"}, "SCMP_ACT_ALLOW"), rule({"neither"}, "SCMP_ACT_KILL")}));
    CHECK(asked(program, SYS_read) == SECCOMP_RET_ALLOW);
}

TEST_CASE("a rule that only repeats the default is no error", "[seccomp]") {
    CHECK(asked(compiled(allowing({rule({"read"}, "SCMP_ACT_ERRNO")})), SYS_read) == kDenied);
}

TEST_CASE("what is not known is refused with its place", "[seccomp]") {
    CHECK(refusal(allowing({rule({"read"}, "SCMP_ACT_MAYBE")})) ==
          "linux.seccomp.syscalls[0].action: no such action: \"SCMP_ACT_MAYBE\"");
    CHECK(refusal(allowing({rule({"read"}, "SCMP_ACT_ALLOW"), rule({}, "SCMP_ACT_ALLOW")})) ==
          "linux.seccomp.syscalls[1].names: want at least one");
    CHECK(refusal(allowing(
              {rule({"read"}, "SCMP_ACT_ALLOW", {{.index = 0, .value = 0, .value_two = 0, .op = "SCMP_CMP_ISH"}})})) ==
          "linux.seccomp.syscalls[0].args[0]: no such operator: \"SCMP_CMP_ISH\"");
    CHECK(refusal(allowing(
              {rule({"read"}, "SCMP_ACT_ALLOW", {{.index = 6, .value = 0, .value_two = 0, .op = "SCMP_CMP_EQ"}})})) ==
          "linux.seccomp.syscalls[0].args[0]: a system call has no argument 6");
    oci::Seccomp profile = allowing({});
    profile.default_action.clear();
    CHECK(refusal(profile) == "linux.seccomp.defaultAction: no such action: \"\"");
    profile = allowing({});
    profile.architectures = {"SCMP_ARCH_X86_64", "SCMP_ARCH_PDP11"};
    CHECK(refusal(profile) == "linux.seccomp.architectures[1]: no such architecture: \"SCMP_ARCH_PDP11\"");
    profile.architectures = {"x86_64"};
    CHECK(refusal(profile) == "linux.seccomp.architectures[0]: no such architecture: \"x86_64\"");
    profile = allowing({});
    profile.flags = {"SECCOMP_FILTER_FLAG_LOG", "SECCOMP_FILTER_FLAG_NEW_LISTENER"};
    CHECK(refusal(profile) == "linux.seccomp.flags[1]: no such flag: \"SECCOMP_FILTER_FLAG_NEW_LISTENER\"");
}

TEST_CASE("flags are the kernel's; none given is SPEC_ALLOW", "[seccomp]") {
    oci::Seccomp profile = allowing({});
    profile.flags = {"SECCOMP_FILTER_FLAG_TSYNC", "SECCOMP_FILTER_FLAG_LOG"};
    CHECK(compiled(profile).flags == (SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_LOG));
    profile.flags = {"SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"};
    CHECK(compiled(profile).flags == 0); // nobody is asked
    profile.flags.emplace_back("SECCOMP_FILTER_FLAG_TSYNC");
    profile.listener_path = "/run/agent.sock";
    profile.syscalls = {rule({"mkdir"}, "SCMP_ACT_NOTIFY")};
    CHECK(compiled(profile).flags ==
          (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV | SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH));
}

TEST_CASE("a listener needs somebody to have it, and calls left to give it away with", "[seccomp]") {
    oci::Seccomp profile = allowing({rule({"mkdir"}, "SCMP_ACT_NOTIFY")});
    CHECK(refusal(profile) == "linux.seccomp.listenerPath: missing, and syscalls[0] has SCMP_ACT_NOTIFY");
    profile.listener_path = "/run/agent.sock";
    profile.syscalls[0].names.emplace_back("sendmsg");
    CHECK(refusal(profile).contains("sendmsg, with which the listener is handed over"));
    profile = allowing({});
    profile.listener_path = "/run/agent.sock";
    profile.default_action = "SCMP_ACT_NOTIFY";
    CHECK(refusal(profile).starts_with("linux.seccomp.defaultAction: SCMP_ACT_NOTIFY"));
    profile = allowing({});
    profile.listener_metadata = "x";
    CHECK(refusal(profile) == "linux.seccomp.listenerMetadata: there is no listenerPath");
}

} // namespace
} // namespace ballast::isolate
