// SPDX-License-Identifier: Apache-2.0
#include "runtime/engine/start_failure.h"

#include "base/quote.h"
#include "runtime/engine/plan.h"

namespace ballast::engine {
namespace {

constexpr int kNotFound = 127, kNotExecutable = 126;

} // namespace

FailedProgram describe_failure(const Snapshot &container, const std::string &said) {
    const Texts words = program_of(container.config);
    FailedProgram result{.name = words.empty() ? "" : words.front()};
    const bool missing = said.contains("No such file or directory") || said.contains("Not a directory");
    std::string reason = escaped(said);
    if (said.contains("executable file ") || said.contains("open executable ")) {
        result.code = missing ? kNotFound : kNotExecutable;
        const std::string exec = "unable to start container process: exec: " + quote(result.name) + ": ";
        reason = missing && !result.name.contains('/') ? exec + "executable file not found in $PATH"
                 : missing ? exec + "stat " + escaped(result.name) + ": no such file or directory"
                           : exec + "permission denied (" + escaped(said) + ")";
    }
    result.message =
        "failed to create task for container: failed to create shim task: OCI runtime create failed: " + reason +
        ": unknown";
    return result;
}
} // namespace ballast::engine
