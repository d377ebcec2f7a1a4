// SPDX-License-Identifier: Apache-2.0
#include "runtime/isolate/oom_score.h"

#include "runtime/isolate/proc_file.h"

namespace ballast::isolate {

Result<std::string> plan_oom_score(int adjustment) {
    if (adjustment < -1000 || adjustment > 1000) {
        return fail(EINVAL, "process.oomScoreAdj: want -1000 to 1000, have " + std::to_string(adjustment));
    }
    return std::to_string(adjustment);
}

Outcome set_oom_score(const std::optional<std::string> &adjustment, BorrowedFd proc, pid_t pid) {
    if (adjustment && !write_proc_file(proc, pid, "oom_score_adj", *adjustment)) {
        return failed_at(Step::kOomScore);
    }
    return done();
}

} // namespace ballast::isolate
