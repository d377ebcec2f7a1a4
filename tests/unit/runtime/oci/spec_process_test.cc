// SPDX-License-Identifier: Apache-2.0
#include <linux/capability.h>
#include <linux/sched.h>
#include <sys/resource.h>

#include "tests/unit/runtime/oci/config.h"

using namespace ballast;
using namespace ballast::oci;

TEST_CASE("args must name a program", "[spec]") {
    REQUIRE(refusal({{"/process/args", ""}}) == "process.args: missing");
    REQUIRE(refusal({{"/process/args", "[]"}}) == "process.args: want at least one item, have none");
    REQUIRE(refusal({{"/process/args", R"(["a\u0000b"])"}}).starts_with("process.args[0]: want a text without NUL"));
}

TEST_CASE("the working directory is absolute", "[spec]") {
    REQUIRE(refusal({{"/process/cwd", ""}}) == "process.cwd: missing");
    REQUIRE(refusal({{"/process/cwd", R"("")"}}) == "process.cwd: want an absolute path, have \"\"");
    REQUIRE(refusal({{"/process/cwd", R"("a")"}}) == "process.cwd: want an absolute path, have \"a\"");
}

TEST_CASE("environment entries have a name", "[spec]") {
    REQUIRE(refusal({{"/process/env", R"(["A=", "B=c=d"])"}}).empty());
    REQUIRE(refusal({{"/process/env", R"(["A=b", "HOME"])"}}) == "process.env[1]: want NAME=VALUE, have \"HOME\"");
    REQUIRE(refusal({{"/process/env", R"(["=x"])"}}) == "process.env[0]: want NAME=VALUE, have \"=x\"");
}

TEST_CASE("ids stay in range, and the one that means no change is none", "[spec]") {
    REQUIRE(spec_with({{"/process/user/uid", "4294967294"}}).process->user.uid == 4294967294U);
    for (const char *id : {"4294967295", "4294967296", "-1"}) {
        REQUIRE(refusal({{"/process/user/uid", id}}) ==
                std::string("process.user.uid: want a whole number from 0 to 4294967294, have ") + id);
        REQUIRE(refusal({{"/process/user/gid", id}}).starts_with("process.user.gid: want a whole number"));
        REQUIRE(refusal({{"/process/user/additionalGids", "[1, " + std::string(id) + "]"}})
                    .starts_with("process.user.additionalGids[1]: want a whole number"));
    }
    REQUIRE(spec_with({{"/process/user/umask", "63"}}).process->user.umask == 63);
    REQUIRE(refusal({{"/process/user/umask", "512"}}).starts_with("process.user.umask: want"));
    REQUIRE(spec_with({{"/process/user", ""}}).process->user.uid == 0);
}

TEST_CASE("the console's size counts with a terminal only", "[spec]") {
    Change size{"/process/consoleSize", R"({"height": 25, "width": 65536})"};
    REQUIRE(refusal({size}).empty());
    REQUIRE_FALSE(spec_with({size}).process->console_size.has_value());
    Change terminal{"/process/terminal", "true"};
    REQUIRE(refusal({size, terminal}) == "process.consoleSize.width: want a whole number from 0 to 65535, have 65536");
    REQUIRE(spec_with({terminal, {"/process/consoleSize", R"({"height": 25, "width": 80})"}})
                .process->console_size->height == 25);
    REQUIRE(refusal({terminal, {"/process/consoleSize", R"({"height": 25})"}}) == "process.consoleSize.width: missing");
}

TEST_CASE("capabilities become bits, and unknown ones a warning", "[spec]") {
    Spec spec = spec_with({{"/process/capabilities",
                            R"({"bounding": ["CAP_CHOWN", "CAP_KILL", "CAP_X"], "ambient": ["CAP_X", "chown"]})"}});
    REQUIRE(spec.process->capabilities->bounding == (1U << CAP_CHOWN | 1U << CAP_KILL));
    REQUIRE(spec.process->capabilities->ambient == 0);
    REQUIRE(spec.warnings ==
            std::vector<std::string>{"process.capabilities: unknown capabilities \"CAP_X\", \"chown\", ignoring"});
    REQUIRE_FALSE(spec_with({}).process->capabilities.has_value());
    REQUIRE(refusal({{"/process/capabilities", R"({"bounding": "CAP_KILL"})"}}) ==
            "process.capabilities.bounding: want an array, have \"CAP_KILL\"");
    REQUIRE(refusal({{"/process/capabilities", "[]"}}) == "process.capabilities: want an object, have an array");
}

TEST_CASE("capabilities have names and numbers", "[spec]") {
    REQUIRE(capability_number("CAP_CHECKPOINT_RESTORE") == CAP_CHECKPOINT_RESTORE);
    REQUIRE(capability_number("CAP_SYS_ADMIN") == CAP_SYS_ADMIN);
    REQUIRE_FALSE(capability_number("SYS_ADMIN").has_value());
    REQUIRE(capability_name(CAP_BPF) == "CAP_BPF");
    REQUIRE(capability_name(41) == "CAP_41");
    REQUIRE(capability_name(-1) == "CAP_-1");
}

TEST_CASE("resource limits are known, once each, and soft is not over hard", "[spec]") {
    Spec spec =
        spec_with({{"/process/rlimits", R"([{"type": "RLIMIT_NOFILE", "soft": 1, "hard": 18446744073709551615}])"}});
    REQUIRE(spec.process->rlimits[0].resource == RLIMIT_NOFILE);
    REQUIRE(spec.process->rlimits[0].hard == RLIM_INFINITY);
    REQUIRE(refusal({{"/process/rlimits", R"([{"type": "RLIMIT_X", "soft": 1, "hard": 1}])"}}) ==
            "process.rlimits[0].type: want a limit of getrlimit(2), have \"RLIMIT_X\"");
    REQUIRE(refusal({{"/process/rlimits", R"([{"type": "RLIMIT_CPU", "soft": 2, "hard": 1}])"}}) ==
            "process.rlimits[0].soft: want a number up to that of hard, 1, have 2");
    REQUIRE(refusal({{"/process/rlimits", R"([{"type": "RLIMIT_CPU", "soft": -1, "hard": 1}])"}})
                .starts_with("process.rlimits[0].soft: want a whole number from 0"));
    REQUIRE(refusal({{"/process/rlimits", R"([{"type": "RLIMIT_CPU", "soft": 2}])"}}) ==
            "process.rlimits[0].hard: missing");
    std::string limit = R"({"type": "RLIMIT_CPU", "soft": 1, "hard": 1})";
    REQUIRE(refusal({{"/process/rlimits", "[" + limit + "," + limit + "]"}}) ==
            "process.rlimits[1].type: want every limit once, have \"RLIMIT_CPU\"");
}

TEST_CASE("the OOM score is between -1000 and 1000", "[spec]") {
    REQUIRE(spec_with({{"/process/oomScoreAdj", "-1000"}}).process->oom_score_adj == -1000);
    REQUIRE(refusal({{"/process/oomScoreAdj", "1001"}}) ==
            "process.oomScoreAdj: want a whole number from -1000 to 1000, have 1001");
}

TEST_CASE("schedulers take what goes with their policy", "[spec]") {
    Scheduler scheduler =
        *spec_with({{"/process/scheduler",
                     R"({"policy": "SCHED_FIFO", "priority": 10, "flags": ["SCHED_FLAG_RESET_ON_FORK"]})"}})
             .process->scheduler;
    REQUIRE(scheduler.policy == SCHED_FIFO);
    REQUIRE(scheduler.priority == 10);
    REQUIRE(scheduler.flags == SCHED_FLAG_RESET_ON_FORK);
    auto refused = [](const char *value) { return refusal({{"/process/scheduler", value}}); };
    REQUIRE(refused(R"({"policy": "SCHED_OTHER", "nice": -20})").empty());
    REQUIRE(refused(R"({"policy": "SCHED_DEADLINE", "runtime": 10000, "deadline": 20000})").empty());
    REQUIRE(refused("{}") == "process.scheduler.policy: missing");
    REQUIRE(refused(R"({"policy": "SCHED_X"})").starts_with("process.scheduler.policy: want one of SCHED_OTHER, "));
    REQUIRE(refused(R"({"policy": "SCHED_OTHER", "nice": 20})").starts_with("process.scheduler.nice: want"));
    REQUIRE(refused(R"({"policy": "SCHED_OTHER", "priority": 1})").starts_with("process.scheduler.priority: want"));
    REQUIRE(refused(R"({"policy": "SCHED_RR"})") == "process.scheduler.priority: missing");
    REQUIRE(refused(R"({"policy": "SCHED_RR", "priority": 100})").starts_with("process.scheduler.priority: want"));
    REQUIRE(refused(R"({"policy": "SCHED_OTHER", "runtime": 1})").starts_with("process.scheduler.runtime: want"));
    REQUIRE(refused(R"({"policy": "SCHED_OTHER", "flags": ["X"]})").starts_with("process.scheduler.flags[0]: want"));
    REQUIRE(refused(R"({"policy": "SCHED_DEADLINE", "deadline": 20000})") == "process.scheduler.runtime: missing");
    REQUIRE(refused(R"({"policy": "SCHED_DEADLINE", "runtime": 20000, "deadline": 10000})") ==
            "process.scheduler.deadline: want a whole number from 20000 to 9223372036854775807, have 10000");
    REQUIRE(refused(R"({"policy": "SCHED_DEADLINE", "runtime": 10000, "deadline": 20000, "period": 15000})") ==
            "process.scheduler.period: want 0 or a number from that of deadline, 20000, have 15000");
}

TEST_CASE("I/O priorities have a class and a level up to 7", "[spec]") {
    REQUIRE(spec_with({{"/process/ioPriority", R"({"class": "IOPRIO_CLASS_BE", "priority": 7})"}})
                .process->io_priority->io_class == 2);
    REQUIRE(refusal({{"/process/ioPriority", R"({"class": "IOPRIO_CLASS_BE", "priority": 8})"}})
                .starts_with("process.ioPriority.priority: want a whole number from 0 to 7"));
    REQUIRE(
        refusal({{"/process/ioPriority", R"({"class": "BE"})"}}).starts_with("process.ioPriority.class: want one of"));
    REQUIRE(refusal({{"/process/ioPriority", R"({"priority": 1})"}}) == "process.ioPriority.class: missing");
}

TEST_CASE("affinities are lists of processors", "[spec]") {
    Spec spec = spec_with({{"/process/execCPUAffinity", R"({"initial": "0 - 3, 7"})"}});
    REQUIRE(spec.process->exec_cpu_affinity->initial == "0-3,7");
    REQUIRE(spec.process->exec_cpu_affinity->final_.empty());
    REQUIRE(refusal({{"/process/execCPUAffinity", R"({"final": "x"})"}}) ==
            R"(process.execCPUAffinity.final: want a list as "0-3,7" of numbers up to 65535, have "x")");
    REQUIRE(refusal({{"/process/execCPUAffinity", R"({"final": ","})"}}).contains("want a list"));
}
