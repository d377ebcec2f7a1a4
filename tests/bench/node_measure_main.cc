// SPDX-License-Identifier: Apache-2.0
// ballast-node-measure: what the processes of some names hold and have used, as a sample of each, for `bench node`.
#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/log.h"
#include "tests/bench/engine_processes.h"
#include "tests/bench/engine_samples.h"
#include "tests/bench/exit_status.h"

namespace ballast::bench {
namespace {

Status measure(const std::vector<std::string> &names) {
    const ProcessTotals totals = TRY(totals_of(names));
    EngineSamples samples{.name = names.front()};
    samples.samples["memory"] = {totals.pss_mib};
    samples.samples["cpu"] = {totals.cpu_ms};
    for (const auto &[name, mib] : totals.largest) {
        samples.samples[name] = {mib};
    }
    for (const auto &[name, used] : totals.cpu_of) {
        samples.samples["cpu of " + name] = {used};
    }
    std::fputs(to_json({samples}).c_str(), stdout);
    return {};
}

int main_measure(int argc, char **argv) {
    std::vector<std::string> names;
    CLI::App app("Measures processes by their names, at most 15 characters of each.", "ballast-node-measure");
    app.add_option("name", names, "as the kernel knows it")->required();
    CLI11_PARSE(app, argc, argv);
    return exit_status_of(measure(names));
}

} // namespace
} // namespace ballast::bench

int main(int argc, char **argv) { return ballast::bench::main_measure(argc, argv); }
