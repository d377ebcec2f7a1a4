// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cri_bench.h"

#include <cstdio>

#include "base/file_io.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/cri_report.h"
#include "tests/bench/guest_output.h"
#include "tests/bench/peer_runtime.h"
#include "tests/images/sources.h"
#include "tests/vm/machine.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 10;
constexpr int kEmulatedNode = 10;  // of more the peer would make hours
constexpr unsigned kMemory = 6144; // MiB: a hundred and ten shims hold over 2 GiB
constexpr const char *kPlace = "/var/lib/ballast-bench";
// With the processes that pods consist of: nobody else has any while memory is measured.
constexpr const char *kOurs = "ballastd=/run/ballast/cri.sock,ballastd,ballast-monitor,pause,payload";
constexpr const char *kTheirs = "containerd=/run/peer/containerd.sock,containerd,containerd-shim,payload";

Result<std::vector<EngineSamples>> measure(const Settings &settings, int pods) {
    const fs::path there = kPlace;
    vm::MachineOptions options = TRY(machine_of(settings, "test", "cri"));
    options.memory = kMemory;
    vm::Machine machine = TRY(vm::Machine::boot(std::move(options)));
    for (const char *program : {"ballast-cri-measure", "payload"}) {
        TRY(machine.copy_in(images::own_directory() / program, there / program));
    }
    (void)TRY(machine.run_checked(start_peer_runtime(there)).within("start the peer"));
    Command command{.arguments = {there / "ballast-cri-measure", "--rounds",
                                  std::to_string(settings.rounds_or(kRounds)), "--pods", std::to_string(pods),
                                  "--image", "bench:latest", kOurs, kTheirs}};
    for (const std::string &part : settings.parts) {
        command.arguments.insert(command.arguments.end(), {"--part", part});
    }
    return engine_samples_from_json(TRY(output_of(machine, command, there / "results.json")));
}

} // namespace

Status bench_cri(const Settings &settings) {
    TRY(make_directories(settings.results()));
    TRY(remove_tree(settings.logs() / "cri"));
    const int pods = TRY(pods_together(settings, kEmulatedNode));
    const std::vector<EngineSamples> results = TRY(measure(settings, pods));
    const Report report{.bench = "cri", .peer = "containerd", .results = compare_runtimes(results, pods)};
    const fs::path file = settings.results() / "cri.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n%s\n%s\n", table(report).c_str(), runtime_remarks(results).c_str(), file.c_str());
    return {};
}

} // namespace ballast::bench
