// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/scheduler.h"

#include <sched.h>
#include <string>

namespace ballast::isolate {
namespace {

// sched(7): what is smaller is refused as noise of the clock, and the sign bit must stay free.
constexpr std::uint64_t kShortest = 1024;
constexpr std::uint64_t kLongest = (1ULL << 63) - 1;

Status check_time(const char *name, std::uint64_t nanoseconds) {
    if (nanoseconds < kShortest || nanoseconds > kLongest) {
        return fail(EINVAL, std::string("process.scheduler.") + name + ": SCHED_DEADLINE wants " +
                                std::to_string(kShortest) + " to 2^63-1 nanoseconds, have " +
                                std::to_string(nanoseconds));
    }
    return {};
}

Status check_deadline(const oci::Scheduler &scheduler) {
    TRY(check_time("runtime", scheduler.runtime));
    TRY(check_time("deadline", scheduler.deadline));
    if (scheduler.runtime > scheduler.deadline) {
        return fail(EINVAL, "process.scheduler.runtime: over process.scheduler.deadline");
    }
    if (scheduler.period != 0) { // 0: the kernel takes the deadline
        TRY(check_time("period", scheduler.period));
        if (scheduler.deadline > scheduler.period) {
            return fail(EINVAL, "process.scheduler.deadline: over process.scheduler.period");
        }
    }
    return {};
}

} // namespace

Status check_scheduler(const oci::Scheduler &scheduler) {
    const bool real_time = scheduler.policy == SCHED_FIFO || scheduler.policy == SCHED_RR;
    if (scheduler.nice < -20 || scheduler.nice > 19) {
        return fail(EINVAL, "process.scheduler.nice: want -20 to 19, have " + std::to_string(scheduler.nice));
    }
    if (scheduler.priority != 0 && !real_time) {
        return fail(EINVAL, "process.scheduler.priority: only SCHED_FIFO and SCHED_RR have one");
    }
    const bool keeps = (scheduler.flags & (SCHED_FLAG_KEEP_POLICY | SCHED_FLAG_KEEP_PARAMS)) != 0;
    if (real_time && !keeps && (scheduler.priority < 1 || scheduler.priority > 99)) {
        return fail(EINVAL, "process.scheduler.priority: want 1 to 99, have " + std::to_string(scheduler.priority));
    }
    if (scheduler.policy == SCHED_DEADLINE) {
        return check_deadline(scheduler);
    }
    if (scheduler.runtime != 0 || scheduler.deadline != 0 || scheduler.period != 0) {
        return fail(EINVAL, "process.scheduler: only SCHED_DEADLINE has runtime, deadline and period");
    }
    return {};
}

Outcome set_scheduler(const std::optional<oci::Scheduler> &scheduler, pid_t pid) {
    if (!scheduler) {
        return done();
    }
    sched_attr attributes{};
    attributes.size = sizeof attributes;
    attributes.sched_policy = scheduler->policy;
    attributes.sched_flags = scheduler->flags;
    attributes.sched_nice = scheduler->nice;
    attributes.sched_priority = static_cast<std::uint32_t>(scheduler->priority);
    attributes.sched_runtime = scheduler->runtime;
    attributes.sched_deadline = scheduler->deadline;
    attributes.sched_period = scheduler->period;
    return sched_setattr(pid, &attributes, 0) == 0 ? done() : failed_at(Step::kScheduler);
}

} // namespace ballast::isolate
