// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/restart_policy.h"

#include <algorithm>

namespace ballast::engine {

std::chrono::milliseconds RestartBackoff::next(Nanoseconds ran) {
    delay_ = ran >= kStable || delay_.count() == 0 ? kFirst : std::min(delay_ * 2, kLongest);
    return delay_;
}

bool should_restart(const RestartPolicy &policy, const Exit &exit) {
    return !exit.manually_stopped && should_start_with_daemon(policy, exit);
}

bool should_start_with_daemon(const RestartPolicy &policy, const Exit &exit) {
    switch (policy.kind) {
    case RestartPolicy::Kind::kNo:
        return false;
    case RestartPolicy::Kind::kAlways:
        return true;
    case RestartPolicy::Kind::kUnlessStopped:
        return !exit.manually_stopped;
    case RestartPolicy::Kind::kOnFailure:
        return exit.code != 0 && !exit.manually_stopped &&
               (policy.maximum_retry_count == 0 || exit.restarts < policy.maximum_retry_count);
    }
    return false;
}

} // namespace ballast::engine
