// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/process.h"

#include <catch2/catch_test_macros.hpp>
#include <linux/ioprio.h>
#include <linux/mempolicy.h>
#include <sched.h>
#include <sys/resource.h>

#include "tests/unit/check.h"

namespace ballast::isolate {
namespace {

oci::Process plain() {
    oci::Process process;
    process.args = {"true"};
    process.cwd = "/";
    return process;
}

// What plan_process() says about the process that `change` makes of a plain one.
template <typename Change>
Error refusal(Change change) {
    oci::Process process = plain();
    change(process);
    return error_of(plan_process(process, nullptr));
}

TEST_CASE("a plain process is planned without any power", "[process]") {
    const ProcessPlan plan = must(plan_process(plain(), nullptr));
    CHECK(plan.args.frozen());
    CHECK(plan.env.frozen());
    CHECK(plan.capabilities.bounding == 0);
    CHECK(plan.capabilities.permitted == 0);
    CHECK(plan.known_capabilities != 0);
    CHECK_FALSE(plan.oom_score_adj.has_value());
    CHECK(plan.affinity.empty());
}

TEST_CASE("a program and an absolute working directory are needed", "[process]") {
    CHECK(refusal([](oci::Process &process) { process.args.clear(); }).message ==
          "process.args: want at least the program to run");
    CHECK(refusal([](oci::Process &process) { process.cwd = "tmp"; }).message ==
          "process.cwd: want an absolute path, have \"tmp\"");
    CHECK(refusal([](oci::Process &process) { process.cwd.clear(); }).code == EINVAL);
}

TEST_CASE("an id that means 'leave it' to the kernel is refused", "[process]") {
    CHECK(refusal([](oci::Process &process) { process.user.uid = UINT32_MAX; }).message ==
          "process.user.uid: 4294967295 is no id");
    CHECK(refusal([](oci::Process &process) { process.user.gid = UINT32_MAX; }).code == EINVAL);
    CHECK(refusal([](oci::Process &process) { process.user.additional_gids = {1, UINT32_MAX}; }).message ==
          "process.user.additionalGids[1]: 4294967295 is no id");
    CHECK(refusal([](oci::Process &process) { process.user.additional_gids.resize(65537); }).code == EINVAL);
}

TEST_CASE("a limit stands once, and its soft part is not over the hard one", "[process]") {
    const oci::Rlimit files{.resource = RLIMIT_NOFILE, .name = "RLIMIT_NOFILE", .soft = 10, .hard = 20};
    CHECK(refusal([&](oci::Process &process) { process.rlimits = {files, files}; }).message ==
          "process.rlimits[1]: RLIMIT_NOFILE was given before");
    CHECK(refusal([&](oci::Process &process) {
              process.rlimits = {files};
              process.rlimits[0].soft = 21;
          }).message == "process.rlimits[0]: soft limit 21 is over the hard limit 20");
    CHECK(refusal([&](oci::Process &process) {
              process.rlimits = {files};
              process.rlimits[0].resource = 64;
          }).code == EINVAL);
}

TEST_CASE("the OOM score adjustment is written as text, within its range", "[process]") {
    oci::Process process = plain();
    process.oom_score_adj = -17;
    CHECK(must(plan_process(process, nullptr)).oom_score_adj == "-17");
    CHECK(refusal([](oci::Process &wrong) { wrong.oom_score_adj = 1001; }).message ==
          "process.oomScoreAdj: want -1000 to 1000, have 1001");
    CHECK(refusal([](oci::Process &wrong) { wrong.oom_score_adj = -1001; }).code == EINVAL);
}

TEST_CASE("a scheduler has only what its policy knows", "[process]") {
    const auto with = [](oci::Scheduler scheduler) {
        oci::Process process = plain();
        process.scheduler = scheduler;
        return plan_process(process, nullptr);
    };
    CHECK(with({.policy = SCHED_OTHER, .nice = 5}).has_value());
    CHECK(with({.policy = SCHED_FIFO, .priority = 99}).has_value());
    CHECK(with({.policy = SCHED_DEADLINE, .runtime = 10000, .deadline = 20000, .period = 30000}).has_value());
    CHECK(with({.policy = SCHED_DEADLINE, .runtime = 10000, .deadline = 20000}).has_value());
    CHECK(error_of(with({.policy = SCHED_OTHER, .nice = 20})).message ==
          "process.scheduler.nice: want -20 to 19, have 20");
    CHECK(error_of(with({.policy = SCHED_BATCH, .priority = 1})).code == EINVAL);
    CHECK(error_of(with({.policy = SCHED_RR})).code == EINVAL);
    CHECK(error_of(with({.policy = SCHED_RR, .priority = 100})).code == EINVAL);
    CHECK(error_of(with({.policy = SCHED_OTHER, .runtime = 5000})).code == EINVAL);
    CHECK(error_of(with({.policy = SCHED_DEADLINE, .runtime = 100, .deadline = 20000})).code == EINVAL);
    CHECK(error_of(with({.policy = SCHED_DEADLINE, .runtime = 30000, .deadline = 20000})).message ==
          "process.scheduler.runtime: over process.scheduler.deadline");
    CHECK(error_of(with({.policy = SCHED_DEADLINE, .runtime = 10000, .deadline = 20000, .period = 15000})).code ==
          EINVAL);
    CHECK(error_of(with({.policy = SCHED_DEADLINE, .runtime = 10000, .deadline = 1ULL << 63U})).code == EINVAL);
}

TEST_CASE("an I/O priority is one of three classes and eight levels", "[process]") {
    const auto with = [](oci::IoPriority priority) {
        oci::Process process = plain();
        process.io_priority = priority;
        return plan_process(process, nullptr);
    };
    CHECK(with({.io_class = IOPRIO_CLASS_IDLE, .priority = 7}).has_value());
    CHECK(error_of(with({.io_class = IOPRIO_CLASS_NONE, .priority = 1})).code == EINVAL);
    CHECK(error_of(with({.io_class = IOPRIO_CLASS_BE, .priority = 8})).message ==
          "process.ioPriority.priority: want 0 to 7, have 8");
    CHECK(error_of(with({.io_class = IOPRIO_CLASS_BE, .priority = -1})).code == EINVAL);
}

TEST_CASE("the final affinity is the process's own, the initial one is not", "[process]") {
    oci::Process process = plain();
    process.exec_cpu_affinity = oci::CpuAffinity{.initial = "0", .final_ = "1,3"};
    CHECK(must(plan_process(process, nullptr)).affinity == std::vector<unsigned long>{0xa});
    process.exec_cpu_affinity->final_.clear();
    CHECK(must(plan_process(process, nullptr)).affinity.empty());
    process.exec_cpu_affinity->final_ = "9999";
    CHECK(error_of(plan_process(process, nullptr)).message == "process.execCPUAffinity.final: \"9999\" is over 8191");
}

TEST_CASE("a memory policy has the nodes that its mode wants", "[process]") {
    const auto with = [](std::uint32_t mode, const std::string &nodes) {
        oci::Linux part;
        part.memory_policy = oci::MemoryPolicy{.mode = mode, .nodes = nodes, .flags = 0};
        return plan_process(plain(), &part);
    };
    Result<ProcessPlan> bind = with(MPOL_BIND, "0,2");
    if (!bind && bind.error().code == ENOTSUP) {
        CHECK(bind.error().message == "linux.memoryPolicy: this kernel has no memory policies");
        return;
    }
    CHECK(must(std::move(bind)).memory_nodes == std::vector<unsigned long>{5});
    CHECK(with(MPOL_PREFERRED, "").has_value());
    CHECK(with(MPOL_LOCAL, "").has_value());
    CHECK(error_of(with(MPOL_INTERLEAVE, "")).message == "linux.memoryPolicy.nodes: this mode needs nodes");
    CHECK(error_of(with(MPOL_DEFAULT, "0")).code == EINVAL);
    CHECK(error_of(with(MPOL_BIND, "1024")).message == "linux.memoryPolicy.nodes: \"1024\" is over 1023");
}

TEST_CASE("labels of security modules that are not there are not passed over in silence", "[process]") {
    if (std::filesystem::exists("/sys/module/apparmor/parameters/enabled") ||
        std::filesystem::exists("/sys/fs/selinux/enforce")) {
        SKIP("this kernel has such a module");
    }
    CHECK(refusal([](oci::Process &process) { process.apparmor_profile = "web"; }).code == ENOTSUP);
    CHECK(refusal([](oci::Process &process) { process.selinux_label = "a:b:c"; }).message ==
          "process.selinuxLabel: \"a:b:c\" is asked for, but SELinux is not on");
    oci::Process process = plain();
    process.apparmor_profile = "unconfined";
    CHECK(must(plan_process(process, nullptr)).apparmor_profile.empty());
}

TEST_CASE("words that were added to and not frozen again are not run", "[process]") {
    ProcessPlan plan = must(plan_process(plain(), nullptr));
    plan.env.add("HOME=/");
    const Outcome outcome = execute(plan, ProgramPath{});
    CHECK(outcome.step == Step::kExecute);
    CHECK(outcome.code == EFAULT);
}

} // namespace
} // namespace ballast::isolate
