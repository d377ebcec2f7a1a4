// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/io_priority.h"

#include <linux/ioprio.h>
#include <string>
#include <sys/syscall.h>
#include <unistd.h>

namespace ballast::isolate {

Status check_io_priority(const oci::IoPriority &priority) {
    if (priority.io_class < IOPRIO_CLASS_RT || priority.io_class > IOPRIO_CLASS_IDLE) {
        return fail(EINVAL, "process.ioPriority.class: no such class: " + std::to_string(priority.io_class));
    }
    if (priority.priority < 0 || priority.priority >= IOPRIO_NR_LEVELS) {
        return fail(EINVAL, "process.ioPriority.priority: want 0 to 7, have " + std::to_string(priority.priority));
    }
    return {};
}

Outcome set_io_priority(const std::optional<oci::IoPriority> &priority, pid_t pid) {
    if (!priority) {
        return done();
    }
    const int value = IOPRIO_PRIO_VALUE(priority->io_class, priority->priority);
    return syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, pid, value) == 0 ? done() : failed_at(Step::kIoPriority);
}

} // namespace ballast::isolate
