// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/subprocess.h"

// The child's half of base/subprocess.h: what it needs, made before the fork, and what it does between fork and exec.
namespace ballast::child_program {

// Made before the fork: the child must not allocate after it. Points into the Command that it was made of.
struct Program {
    std::vector<std::string> strings;
    std::vector<char *> arguments;
    std::vector<char *> environment;
    std::vector<std::string> candidates; // paths to try in turn
    const char *directory = nullptr;
    std::array<int, 3> streams = {-1, -1, -1}; // what becomes descriptors 0, 1 and 2; -1: ours
};

enum class Stage : int { kSetup, kStreams, kDirectory, kExec };

// What the child writes to its parent when it cannot become the program.
struct Failure {
    Stage stage;
    int code; // errno
};

// EINVAL: no program, NUL bytes, a variable's name that is none.
Status check(const Command &command);

Program prepare(const Command &command);

// Becomes the program, or writes a Failure to `report` and ends with 127. `parents_end` is the report's other end, of
// which the child has a copy. For the child of a process that may have threads: system calls only, no allocation, no
// locks.
[[noreturn]] void become(const Program &program, int report, int parents_end);

} // namespace ballast::child_program
