// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/bench/oci_runtime.h"
#include "tests/bench/oci_trace.h"

// What ballast-oci-measure finds out on one machine, on its way from there as JSON.
namespace ballast::bench {

struct Phase {
    std::string name;
    std::vector<double> milliseconds{}; // a sample a trace, the tracer's own time taken off
};

// Of one command ("run", "exec") under the tracer.
struct TracedCommand {
    std::vector<unsigned> main_kib{};        // VmHWM of the runtime's first process, a sample a trace
    std::vector<unsigned> others_kib{};      // of the largest of the processes that it starts
    std::map<std::string, unsigned> calls{}; // by name; of the last trace
    std::vector<Phase> phases{};
};

struct RuntimeResults {
    std::string name;
    Samples times{};
    std::map<std::string, TracedCommand> traced{};
};

struct OciResults {
    std::vector<double> floor{};            // clone3 of the same namespaces, exec of the payload, its end; milliseconds
    std::vector<RuntimeResults> runtimes{}; // ours first
};

// Adds a trace to what is known of its command. What a stop of the tracee costs follows from `untraced`, the seconds
// that the command takes otherwise, so that the phases add up to these.
void add_trace(TracedCommand &command, const Trace &trace, double untraced);

std::string to_json(const OciResults &results);
Result<OciResults> from_json(const std::string &text);

} // namespace ballast::bench
