// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <limits>

#include "base/result.h"

namespace ballast::updater_test {

struct Lived {
    std::size_t changes = 0; // that it asked for, the one that killed it included
    bool killed = false;
    int status = 0; // what `body` returned, when it was not killed
};

inline constexpr std::size_t kNever = std::numeric_limits<std::size_t>::max();

// Runs `body` in a child and kills it with all that it has started (SIGKILL) when one of them asks for the `last`
// change to a file system since count_from_here(), which is not done any more: a file, directory, name or link made,
// renamed or removed, or synced. Waits until all are gone. Not beside other children of this process.
Result<Lived> run_killed_at(std::size_t last, const std::function<int()> &body);

void count_from_here();

} // namespace ballast::updater_test
