// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/oci_measurement.h"

#include <algorithm>
#include <seccomp.h>

namespace ballast::bench {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

struct PhaseEnds {
    const char *name;
    Landmark from, to;
};
// The phases of `run`. A landmark that a runtime does not pass joins its phase to the next one.
constexpr PhaseEnds kPhases[] = {
    {"start of the runtime", Landmark::kStart, Landmark::kConfig},
    {"configuration and plan", Landmark::kConfig, Landmark::kNamespace},
    {"namespaces and mounts", Landmark::kNamespace, Landmark::kPivot},
    {"process and seccomp", Landmark::kPivot, Landmark::kProgram},
    {"container's program", Landmark::kProgram, Landmark::kEnded},
    {"clearing up", Landmark::kEnded, Landmark::kGone},
};

std::string name_of(int number) {
    char *name = seccomp_syscall_resolve_num_arch(SCMP_ARCH_NATIVE, number);
    std::string text = name != nullptr ? name : std::to_string(number);
    free(name); // NOLINT: libseccomp's contract
    return text;
}

const std::optional<Passed> &passed(const Trace &trace, Landmark landmark) {
    return trace.passed.at(static_cast<std::size_t>(landmark));
}

// The time between two landmarks without what the stops in between took; what is left may be noise around nothing.
double milliseconds(const Passed &from, const Passed &to, double stop_cost) {
    constexpr double kMilli = 1000;
    return std::max(0.0, (to.seconds - from.seconds - (to.stops - from.stops) * stop_cost) * kMilli);
}

} // namespace

void add_trace(TracedCommand &command, const Trace &trace, double untraced) {
    const std::optional<Passed> &gone = passed(trace, Landmark::kGone);
    const double stop_cost = gone && gone->stops != 0 ? std::max(0.0, (gone->seconds - untraced) / gone->stops) : 0.0;
    if (!trace.peak_kib.empty()) {
        command.main_kib.push_back(trace.peak_kib.front());
        const auto others = std::ranges::max_element(trace.peak_kib.begin() + 1, trace.peak_kib.end());
        command.others_kib.push_back(others != trace.peak_kib.end() ? *others : 0);
    }
    command.calls.clear();
    for (const auto &[number, count] : trace.calls) {
        command.calls[name_of(number)] += count;
    }
    std::optional<Passed> from = passed(trace, Landmark::kStart);
    std::size_t row = 0;
    for (const PhaseEnds &phase : kPhases) {
        const std::optional<Passed> &to = passed(trace, phase.to);
        if (!from || !to || to->seconds < from->seconds) {
            continue;
        }
        if (row == command.phases.size()) {
            command.phases.push_back({.name = phase.name});
        }
        command.phases[row++].milliseconds.push_back(milliseconds(*from, *to, stop_cost));
        from = to;
    }
}

std::string to_json(const OciResults &results) {
    ordered_json runtimes = ordered_json::array();
    for (const RuntimeResults &runtime : results.runtimes) {
        ordered_json traced = ordered_json::object();
        for (const auto &[name, command] : runtime.traced) {
            ordered_json phases = ordered_json::array();
            for (const Phase &phase : command.phases) {
                phases.push_back({{"name", phase.name}, {"milliseconds", phase.milliseconds}});
            }
            traced[name] = {{"main_kib", command.main_kib},
                            {"others_kib", command.others_kib},
                            {"calls", command.calls},
                            {"phases", std::move(phases)}};
        }
        runtimes.push_back({{"name", runtime.name}, {"times", runtime.times}, {"traced", std::move(traced)}});
    }
    return ordered_json{{"floor", results.floor}, {"runtimes", std::move(runtimes)}}.dump() + "\n";
}

Result<OciResults> from_json(const std::string &text) {
    OciResults results;
    try { // the library's accessors throw
        const json document = json::parse(text);
        results.floor = document.at("floor").get<std::vector<double>>();
        for (const json &each : document.at("runtimes")) {
            RuntimeResults runtime{.name = each.at("name")};
            runtime.times = each.at("times").get<Samples>();
            for (const auto &[name, traced] : each.at("traced").items()) {
                TracedCommand &command = runtime.traced[name];
                command.main_kib = traced.at("main_kib").get<std::vector<unsigned>>();
                command.others_kib = traced.at("others_kib").get<std::vector<unsigned>>();
                command.calls = traced.at("calls").get<std::map<std::string, unsigned>>();
                for (const json &phase : traced.at("phases")) {
                    command.phases.push_back({phase.at("name"), phase.at("milliseconds").get<std::vector<double>>()});
                }
            }
            results.runtimes.push_back(std::move(runtime));
        }
    } catch (const json::exception &error) {
        return fail(EINVAL, std::string("what ballast-oci-measure printed is not its form: ") + error.what());
    }
    return results;
}

} // namespace ballast::bench
