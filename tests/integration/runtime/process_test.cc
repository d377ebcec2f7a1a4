// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/process.h"
#include "runtime/isolate/signals.h"

#include <array>
#include <catch2/catch_test_macros.hpp>
#include <csignal>
#include <cstring>
#include <fcntl.h>
#include <filesystem>
#include <functional>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/personality.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "runtime/isolate/affinity.h"
#include "runtime/isolate/capabilities.h"
#include "tests/integration/runtime/in_child.h"
#include "tests/integration/runtime/leave_chroot.h"
#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

namespace fs = std::filesystem;

constexpr uid_t kNobody = 65534;

Fd host_proc() { return must(open_file("/proc", O_PATH | O_DIRECTORY)); }

// The whole sequence, and the program that it ends in.
Outcome become(const ProcessPlan &plan, BorrowedFd proc) {
    CHECK_STEP(apply_labels(plan, proc));
    CHECK_STEP(apply_limits(plan, proc));
    CHECK_STEP(enter_working_directory(plan));
    CHECK_STEP(apply_credentials(plan));
    ProgramPath program;
    CHECK_STEP(find_program(plan, program));
    CHECK_STEP(apply_no_new_privileges(plan));
    CHECK_STEP(close_descriptors(plan, {}));
    CHECK_STEP(reset_signals());
    return execute(plan, program);
}

// Output of `sh -c SCRIPT` run as `process` asks.
std::string run(oci::Process process, const std::string &script, const oci::Linux *linux_part = nullptr) {
    process.args = {"sh", "-c", script};
    const ProcessPlan plan = must(plan_process(process, linux_part));
    const Fd proc = host_proc();
    const Report report = in_child([&] { return become(plan, proc); });
    INFO("step " << static_cast<int>(report.outcome.step) << " index " << report.outcome.index << " errno "
                 << report.outcome.code);
    REQUIRE_FALSE(report.outcome.failed());
    return report.text;
}

std::uint64_t set_of(const std::string &status, const std::string &name) {
    return std::stoull(status_line(status, name), nullptr, 16);
}

TEST_CASE("a process without capabilities has none left, as root or as a user", "[process][root]") {
    need_root();
    for (const uid_t uid : {0U, kNobody}) {
        oci::Process process = process_of("cat");
        process.user.uid = uid;
        process.user.gid = uid;
        const std::string status = run(process, "cat /proc/self/status");
        for (const char *set : {"CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"}) {
            INFO(set);
            CHECK(set_of(status, set) == 0);
        }
        const std::string id = std::to_string(uid);
        CHECK(status_line(status, "Uid") == id + "\t" + id + "\t" + id + "\t" + id);
        CHECK(status_line(status, "Gid") == id + "\t" + id + "\t" + id + "\t" + id);
        CHECK(status_line(status, "Groups").find_first_not_of(" \t") == std::string::npos);
        CHECK(status_line(status, "NoNewPrivs") == "0");
        CHECK(status_line(status, "Umask") == "0022");
    }
}

TEST_CASE("root keeps what the sets say, with nothing inheritable", "[process][root]") {
    need_root();
    const std::uint64_t some = bit(CAP_CHOWN) | bit(CAP_KILL) | bit(CAP_NET_BIND_SERVICE);
    oci::Process process = process_of("cat");
    process.capabilities =
        oci::Capabilities{.bounding = some, .effective = some, .inheritable = 0, .permitted = some, .ambient = some};
    const std::string status = run(process, "cat /proc/self/status");
    CHECK(set_of(status, "CapBnd") == some);
    CHECK(set_of(status, "CapPrm") == some);
    CHECK(set_of(status, "CapEff") == some);
    CHECK(set_of(status, "CapInh") == 0);
    CHECK(set_of(status, "CapAmb") == 0);
}

TEST_CASE("a user has the ambient capabilities and no others", "[process][root]") {
    need_root();
    const std::uint64_t some = bit(CAP_CHOWN) | bit(CAP_KILL);
    oci::Process process = process_of("cat");
    process.user.uid = kNobody;
    process.user.gid = kNobody;
    process.capabilities = oci::Capabilities{
        .bounding = some, .effective = some, .inheritable = bit(CAP_KILL), .permitted = some, .ambient = bit(CAP_KILL)};
    const std::string status = run(process, "cat /proc/self/status");
    CHECK(set_of(status, "CapBnd") == some);
    CHECK(set_of(status, "CapPrm") == bit(CAP_KILL));
    CHECK(set_of(status, "CapEff") == bit(CAP_KILL));
    CHECK(set_of(status, "CapInh") == bit(CAP_KILL));
    CHECK(set_of(status, "CapAmb") == bit(CAP_KILL));
}

TEST_CASE("before the program runs the sets are exactly those planned", "[process][root]") {
    need_root();
    oci::Process process = process_of("true");
    process.user.uid = kNobody;
    process.user.gid = 12;
    const std::uint64_t some = bit(CAP_CHOWN) | bit(CAP_KILL);
    process.capabilities = oci::Capabilities{
        .bounding = some, .effective = bit(CAP_KILL), .inheritable = 0, .permitted = some, .ambient = 0};
    const ProcessPlan plan = must(plan_process(process, nullptr));
    const Report report = in_child([&] {
        CHECK_STEP(apply_credentials(plan));
        const Fd status(open("/proc/self/status", O_RDONLY));
        std::array<char, 8192> text{};
        const ssize_t got = read(status.get(), text.data(), text.size());
        (void)!write(STDOUT_FILENO, text.data(), static_cast<std::size_t>(got));
        return done();
    });
    REQUIRE_FALSE(report.outcome.failed());
    CHECK(set_of(report.text, "CapPrm") == some);
    CHECK(set_of(report.text, "CapEff") == bit(CAP_KILL));
    CHECK(set_of(report.text, "CapInh") == 0);
    CHECK(set_of(report.text, "CapBnd") == some);
}

TEST_CASE("a capability that we lack ourselves is named", "[process][root]") {
    need_root();
    const Report report = in_child([] {
        oci::Capabilities ours{};
        CHECK_STEP(set_capabilities(
            {.bounding = 0, .effective = bit(CAP_KILL), .inheritable = 0, .permitted = bit(CAP_KILL), .ambient = 0}));
        ours.permitted = bit(CAP_KILL) | bit(CAP_SYS_TIME);
        return set_capabilities(ours);
    });
    CHECK(report.outcome.step == Step::kCapabilityMissing);
    CHECK(report.outcome.index == CAP_SYS_TIME);
    CHECK(report.outcome.code == EPERM);
}

TEST_CASE("what cannot be dropped from the bounding set is an error, unless it is gone", "[process][root]") {
    need_root();
    const std::uint64_t known = known_capabilities();
    const Report gone = in_child([&] {
        CHECK_STEP(drop_bounding_set(0, known));
        CHECK_STEP(set_capabilities({}));
        return drop_bounding_set(0, known);
    });
    CHECK_FALSE(gone.outcome.failed());
    const Report there = in_child([&] {
        CHECK_STEP(drop_bounding_set(bit(CAP_SYS_ADMIN), known));
        CHECK_STEP(set_capabilities({}));
        return drop_bounding_set(0, known);
    });
    CHECK(there.outcome.step == Step::kBoundingSet);
    CHECK(there.outcome.index == CAP_SYS_ADMIN);
}

TEST_CASE("groups are exactly the additional ones", "[process][root]") {
    need_root();
    oci::Process process = process_of("cat");
    process.user.uid = kNobody;
    process.user.gid = 5;
    process.user.additional_gids = {7, 9};
    process.user.umask = 0077;
    process.no_new_privileges = true;
    const std::string status = run(process, "cat /proc/self/status");
    CHECK(status_line(status, "Groups").starts_with("7 9"));
    CHECK(status_line(status, "Umask") == "0077");
    CHECK(status_line(status, "NoNewPrivs") == "1");
}

TEST_CASE("limits, OOM score, scheduler, affinity, I/O priority and personality reach the program", "[process][root]") {
    need_root();
    oci::Process process = process_of("cat");
    process.rlimits = {{.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 77, .hard = 88},
                       {.resource = RLIMIT_CORE, .name = "RLIMIT_CORE", .soft = 0, .hard = 0}};
    process.oom_score_adj = 500;
    process.scheduler = oci::Scheduler{.policy = SCHED_BATCH, .nice = 7};
    process.io_priority = oci::IoPriority{.io_class = 2, .priority = 6};
    process.exec_cpu_affinity = oci::CpuAffinity{.initial = "", .final_ = "0"};
    oci::Linux part;
    part.personality = oci::Personality{.domain = PER_LINUX32};
    const std::string said = run(process,
                                 "ulimit -Sn; ulimit -Hn; ulimit -Sc; cat /proc/self/oom_score_adj; "
                                 "cut -d' ' -f19 /proc/self/stat; uname -m; cat /proc/self/personality; "
                                 "grep Cpus_allowed_list /proc/self/status; ionice -p $$; chrt -p $$",
                                 &part);
    INFO(said);
    CHECK(said.starts_with("77\n88\n0\n500\n7\ni686\n00000008\n"));
    CHECK(said.contains("Cpus_allowed_list:\t0\n"));
    CHECK(said.contains("best-effort: prio 6"));
    CHECK(said.contains("SCHED_BATCH"));
}

TEST_CASE("limits of a child are set from outside", "[process][root]") {
    need_root();
    oci::Process process = process_of("cat");
    process.rlimits = {{.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 33, .hard = 44}};
    process.oom_score_adj = 321;
    process.scheduler = oci::Scheduler{.policy = SCHED_OTHER, .nice = 3};
    const ProcessPlan plan = must(plan_process(process, nullptr));
    const pid_t child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    const Outcome outcome = apply_limits_from_outside(plan, host_proc(), child);
    const std::string base = "/proc/" + std::to_string(child);
    const std::string limits = must(read_file(base + "/limits"));
    const std::string score = must(read_file(base + "/oom_score_adj"));
    const int nice = getpriority(PRIO_PROCESS, static_cast<id_t>(child));
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    CHECK_FALSE(outcome.failed());
    CHECK(limits.contains("Max open files            33                   44"));
    CHECK(score == "321\n");
    CHECK(nice == 3);
}

TEST_CASE("a limit over the hard one without CAP_SYS_RESOURCE is named by its place", "[process][root]") {
    need_root();
    oci::Process process = process_of("cat");
    process.rlimits = {{.resource = RLIMIT_CORE, .name = "RLIMIT_CORE", .soft = 0, .hard = 0},
                       {.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 20, .hard = 1000}};
    const ProcessPlan plan = must(plan_process(process, nullptr));
    const Report report = in_child([&] {
        const rlimit low{.rlim_cur = 20, .rlim_max = 20};
        setrlimit(RLIMIT_NOFILE, &low);
        CHECK_STEP(set_capabilities({}));
        return apply_limits(plan, host_proc());
    });
    CHECK(report.outcome.step == Step::kRlimit);
    CHECK(report.outcome.index == 1);
    CHECK(report.outcome.code == EPERM);
}

TEST_CASE("the session keyring is a new one with the container's name", "[process][root]") {
    need_root();
    oci::Process process = process_of("cat");
    ProcessPlan plan = must(plan_process(process, nullptr));
    plan.keyring_name = "_ses.ballast-test";
    const Fd proc = host_proc();
    const auto describe = [] {
        std::array<char, 256> text{};
        const long length = syscall(SYS_keyctl, KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING, text.data(), text.size());
        if (length > 0) {
            (void)!write(STDOUT_FILENO, text.data(), static_cast<std::size_t>(length) - 1);
        }
    };
    const Report named = in_child([&] {
        const long before = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
        CHECK_STEP(apply_task_settings(plan, proc));
        const long after = syscall(SYS_keyctl, KEYCTL_GET_KEYRING_ID, KEY_SPEC_SESSION_KEYRING, 0);
        describe();
        return before == after && after >= 0 ? failed_at(Step::kKeyring, -1, EEXIST) : done();
    });
    CHECK_FALSE(named.outcome.failed());
    if (named.text.empty()) {
        SKIP("this kernel has no keyrings");
    }
    CHECK(named.text == "keyring;0;0;3f1b0000;_ses.ballast-test");
    plan.new_keyring = false;
    const Report kept = in_child([&] {
        CHECK_STEP(apply_task_settings(plan, proc));
        describe();
        return done();
    });
    CHECK_FALSE(kept.text.contains("_ses.ballast-test"));
}

TEST_CASE("no descriptor but the preserved ones, no ignored and no blocked signal reaches the program",
          "[process][root]") {
    need_root();
    oci::Process process = process_of("sh");
    process.args = {"sh", "-c", "ls /proc/$$/fd; exec grep -E '^Sig(Blk|Ign)' /proc/self/status"};
    ProcessPlan plan = must(plan_process(process, nullptr));
    plan.preserved_fds = 2;
    const Fd proc = host_proc();
    const Report report = in_child([&] {
        for (int fd = 3; fd < 12; fd++) {
            if (fcntl(fd, F_GETFD) < 0) {
                dup2(STDOUT_FILENO, fd);
            }
        }
        fcntl(3, F_SETFD, 0);
        fcntl(4, F_SETFD, 0);
        signal(SIGPIPE, SIG_IGN);
        signal(SIGRTMIN + 3, SIG_IGN);
        sigset_t all;
        sigfillset(&all);
        sigprocmask(SIG_SETMASK, &all, nullptr);
        ProgramPath program;
        CHECK_STEP(find_program(plan, program));
        CHECK_STEP(close_descriptors(plan, {}));
        CHECK_STEP(reset_signals());
        return execute(plan, program);
    });
    CHECK(report.text.starts_with("0\n1\n2\n3\n4\nSigBlk"));
    CHECK(report.text.contains("SigBlk:\t0000000000000000\n"));
    CHECK(report.text.contains("SigIgn:\t0000000000000000\n"));
}

TEST_CASE("arguments and environment arrive as they were given", "[process][root]") {
    oci::Process process = process_of("env");
    process.args = {"env", "-u", "nothing"};
    process.env = {"PATH=/nowhere:/usr/bin", "A=", "B=b c", "A=2", "odd"};
    if (geteuid() != 0) {
        SKIP("needs root");
    }
    const ProcessPlan plan = must(plan_process(process, nullptr));
    const Fd proc = host_proc();
    const Report report = in_child([&] { return become(plan, proc); });
    CHECK(report.text.starts_with("PATH=/nowhere:/usr/bin\nB=b c\nA=2\n"));
}

TEST_CASE("a program that only root may run is not found by a user", "[process][root]") {
    need_root();
    const TemporaryDirectory directory = scratch();
    REQUIRE(chmod(directory.path().c_str(), 0755) == 0);
    must(write_file(directory.path() / "tool", "#!/bin/sh\n"));
    REQUIRE(chmod((directory.path() / "tool").c_str(), 0700) == 0);
    oci::Process process = process_of("tool");
    process.env = {"PATH=" + directory.path().string()};
    process.user.uid = kNobody;
    process.user.gid = kNobody;
    const ProcessPlan plan = must(plan_process(process, nullptr));
    const Fd proc = host_proc();
    const Report report = in_child([&] { return become(plan, proc); });
    CHECK(report.outcome.step == Step::kFindProgram);
    CHECK(report.outcome.code == EACCES);
}

TEST_CASE("groups cannot be given up where a user namespace forbids it", "[process][root]") {
    need_root();
    oci::Process process = process_of("true");
    ProcessPlan plan = must(plan_process(process, nullptr));
    const auto as_mapped_root = [&] {
        return in_child([&] {
            if (!leave_chroot() || unshare(CLONE_NEWUSER) != 0) {
                return failed_at(Step::kUnshareNamespaces);
            }
            for (const auto &[file, text] :
                 {std::pair("/proc/self/setgroups", "deny"), std::pair("/proc/self/uid_map", "0 0 1"),
                  std::pair("/proc/self/gid_map", "0 0 1")}) {
                const Fd fd(open(file, O_WRONLY));
                if (write(fd.get(), text, std::strlen(text)) < 0) {
                    return failed_at(Step::kUserMapping);
                }
            }
            return apply_credentials(plan);
        });
    };
    CHECK(as_mapped_root().outcome.step == Step::kGroups);
    plan.may_set_groups = false;
    CHECK_FALSE(as_mapped_root().outcome.failed());
    plan.user.additional_gids = {0};
    CHECK(as_mapped_root().outcome.step == Step::kGroups);
    plan.user.additional_gids.clear();
    plan.user.uid = 5;
    const Report unmapped = as_mapped_root();
    CHECK(unmapped.outcome.step == Step::kUserId);
    CHECK(unmapped.outcome.code == EINVAL);
}

} // namespace
} // namespace ballast::isolate
