// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/oci_report.h"

#include <algorithm>
#include <format>

namespace ballast::bench {
namespace {

constexpr double kRunBudget = 0.5; // of crun's median
constexpr double kSlowShare = 0.95;
constexpr unsigned kMemoryBudget = 2048; // KiB of any process of ours

struct Timed {
    const char *key;
    const char *name;
};
constexpr Timed kTimed[] = {
    {"run", "run"}, {"create", "create"}, {"start", "start"}, {"delete", "delete"}, {"exec", "exec"}};
constexpr const char *kTraced[] = {"run", "exec"};

std::vector<double> samples(const RuntimeResults &runtime, const std::string &key) {
    const auto found = runtime.times.find(key);
    return found != runtime.times.end() ? found->second : std::vector<double>();
}

TracedCommand traced(const RuntimeResults &runtime, const std::string &key) {
    const auto found = runtime.traced.find(key);
    return found != runtime.traced.end() ? found->second : TracedCommand();
}

Summary numbers(const std::vector<unsigned> &values) { return summarize({values.begin(), values.end()}); }

unsigned total(const TracedCommand &command) {
    unsigned sum = 0;
    for (const auto &[name, count] : command.calls) {
        sum += count;
    }
    return sum;
}

// A line of text and then one column for each runtime.
std::string row(const std::string &first, const std::vector<std::string> &columns) {
    std::string text = std::format("  {:<26}", first);
    for (const std::string &column : columns) {
        text += std::format("{:>13}", column);
    }
    return text + "\n";
}

std::string heading(const OciResults &results, const std::string &title) {
    std::vector<std::string> names;
    std::ranges::transform(results.runtimes, std::back_inserter(names), &RuntimeResults::name);
    return row(title, names);
}

} // namespace

std::vector<Comparison> compare_runtimes(const OciResults &results, const std::string &place) {
    std::vector<Comparison> all;
    const RuntimeResults &ours = results.runtimes.front();
    for (std::size_t i = 1; i < results.runtimes.size(); ++i) {
        const RuntimeResults &theirs = results.runtimes[i];
        const auto add = [&](const std::string &name, const Summary &our, const Summary &their, const char *unit) {
            all.push_back({place + ": " + name, our, their, unit, std::nullopt, theirs.name});
        };
        for (const Timed &each : kTimed) {
            add(std::string(each.name) + ", p50", summarize(samples(ours, each.key)),
                summarize(samples(theirs, each.key)), "ms");
            if (std::string_view(each.key) == "run" && theirs.name == "crun") {
                all.back().budget = kRunBudget;
            }
            add(std::string(each.name) + ", p95", percentile(samples(ours, each.key), kSlowShare),
                percentile(samples(theirs, each.key), kSlowShare), "ms");
        }
        for (const char *key : kTraced) {
            const TracedCommand our = traced(ours, key), their = traced(theirs, key);
            const std::string name(key);
            add(name + ": peak memory, main process", numbers(our.main_kib), numbers(their.main_kib), "KiB");
            add(name + ": peak memory, largest other", numbers(our.others_kib), numbers(their.others_kib), "KiB");
            add(name + ": system calls", numbers({total(our)}), numbers({total(their)}), "calls");
        }
    }
    return all;
}

std::string call_table(const OciResults &results) {
    std::map<std::string, unsigned> largest;
    for (const RuntimeResults &runtime : results.runtimes) {
        const TracedCommand command = traced(runtime, "run");
        for (const auto &[name, count] : command.calls) {
            largest[name] = std::max(largest[name], count);
        }
    }
    std::vector<std::pair<std::string, unsigned>> order(largest.begin(), largest.end());
    std::ranges::stable_sort(order, std::greater(), &std::pair<std::string, unsigned>::second);
    std::string text = heading(results, "system calls of `run`");
    std::vector<std::string> sums;
    for (const RuntimeResults &runtime : results.runtimes) {
        sums.push_back(std::to_string(total(traced(runtime, "run"))));
    }
    text += row("all", sums);
    for (const auto &[name, count] : order) {
        std::vector<std::string> counts;
        for (const RuntimeResults &runtime : results.runtimes) {
            const TracedCommand command = traced(runtime, "run");
            const auto found = command.calls.find(name);
            counts.push_back(found != command.calls.end() ? std::to_string(found->second) : "-");
        }
        text += row(name, counts);
    }
    return text;
}

std::string phase_table(const OciResults &results) {
    std::string text;
    for (const char *key : kTraced) {
        text += heading(results, std::format("phases of `{}`, ms", key));
        const TracedCommand ours = traced(results.runtimes.front(), key);
        for (const Phase &phase : ours.phases) {
            std::vector<std::string> times;
            for (const RuntimeResults &runtime : results.runtimes) {
                const std::vector<Phase> phases = traced(runtime, key).phases;
                const auto found = std::ranges::find(phases, phase.name, &Phase::name);
                times.push_back(found != phases.end() ? std::format("{:.2f}", summarize(found->milliseconds).median)
                                                      : "-");
            }
            text += row(phase.name, times);
        }
    }
    return text;
}

std::string verdicts(const OciResults &results) {
    const RuntimeResults &ours = results.runtimes.front();
    unsigned largest = 0;
    for (const char *key : kTraced) {
        const TracedCommand command = traced(ours, key);
        for (const std::vector<unsigned> &peaks : {command.main_kib, command.others_kib}) {
            largest = std::max(largest, peaks.empty() ? 0 : std::ranges::max(peaks));
        }
    }
    const double floor = summarize(results.floor).median;
    return std::format("  largest process of ours: {} KiB, at most {}: {}\n"
                       "  the kernel's floor (clone3 of the namespaces, exec, exit): {:.2f} ms; ours is {:.1f} times "
                       "that\n",
                       largest, kMemoryBudget, largest <= kMemoryBudget ? "kept" : "exceeded", floor,
                       floor > 0 ? summarize(samples(ours, "run")).median / floor : 0.0);
}

} // namespace ballast::bench
