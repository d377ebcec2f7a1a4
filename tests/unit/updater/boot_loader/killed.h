// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/unit/check.h"
#include "updater/boot_loader/step.h"

// A sequence that dies before its `last`th change (0: the first), in a process of its own. False: it came to its end.
namespace ballast::updater::boot_loader {

inline bool dies_before(int last, const std::function<void(const Step &)> &sequence) {
    constexpr int kKilled = 9;
    const pid_t child = fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        int steps = 0;
        sequence([&] {
            if (steps++ == last) {
                _exit(kKilled);
            }
        });
        _exit(0);
    }
    int status = 0;
    REQUIRE(waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status) == kKilled;
}

} // namespace ballast::updater::boot_loader
