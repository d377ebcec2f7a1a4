// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <sys/types.h>
#include <vector>

#include "base/result.h"

// One call of an OCI runtime under ptrace(2): every process that it starts, how much memory each needs, which system
// calls are made and when the landmarks of a container's start are passed.
//
// Why ptrace: rusage knows only our own child and takes over the size of what was there before exec, /proc is gone with
// the process, and what is sampled between misses processes that live for a millisecond. A tracer is told before each
// exec and each exit, while the memory is still there. It costs time, not memory.
namespace ballast::bench {

// In the order in which any runtime passes them. Those that it does not pass are missing.
enum class Landmark {
    kStart,     // exec of the runtime
    kConfig,    // opens config.json (of `exec`: does not)
    kNamespace, // clone, clone3, unshare or setns of the PID namespace
    kPivot,     // pivot_root
    kProgram,   // exec of the container's program
    kEnded,     // exit of the container's program
    kGone,      // exit of the runtime
};
inline constexpr std::size_t kLandmarks = 7;

struct Passed {
    double seconds = 0; // since kStart
    unsigned stops = 0; // of the traced processes, since kStart: each lengthened what we measure
};

struct Trace {
    int status = 0;                                       // exit code, or 128 + signal, of the runtime
    std::vector<unsigned> peak_kib;                       // VmHWM of the runtime's processes, the main one first, until
                                                          // they are the container's program
    std::map<int, unsigned> calls;                        // system calls by number, the container's program's left out
    std::array<std::optional<Passed>, kLandmarks> passed; // by Landmark
};

// Runs the command to the end of all its processes. `program` is the file that containers run. stdin, stdout and stderr
// are /dev/null. What it starts must end by itself.
Result<Trace> trace(const std::vector<std::string> &command, const std::string &program);

} // namespace ballast::bench
