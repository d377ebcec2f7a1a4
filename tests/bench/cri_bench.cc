// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/cri_bench.h"

#include <cstdio>

#include "base/file_io.h"
#include "tests/bench/cri_report.h"
#include "tests/bench/guest_output.h"
#include "tests/bench/peer_runtime.h"
#include "tests/images/sources.h"
#include "tests/vm/accelerator.h"
#include "tests/vm/machine.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 10;
constexpr int kNode = 110;         // pods: kubelet's default
constexpr int kEmulatedNode = 10;  // of more the peer would make hours
constexpr unsigned kMemory = 6144; // MiB: a hundred and ten shims hold over 2 GiB
constexpr const char *kPlace = "/var/lib/ballast-bench";
// With the processes that pods consist of: nobody else has any while memory is measured.
constexpr const char *kOurs = "ballastd=/run/ballast/cri.sock,ballastd,ballast-monitor,pause,payload";
constexpr const char *kTheirs = "containerd=/run/peer/containerd.sock,containerd,containerd-shim,payload";

Result<std::vector<EngineSamples>> measure(const Settings &settings, int pods) {
    const fs::path image = settings.output / "images/ballast-test.qcow2", there = kPlace;
    if (!fs::exists(image)) {
        return fail(ENOENT, image.string() + " is not there: make it with ./dev image --variant test");
    }
    vm::MachineOptions options{.image = image};
    options.memory = kMemory;
    options.log_directory = settings.logs() / "cri";
    options.state_directory = settings.cache / "vm";
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

Result<int> pods_of_node(const Settings &settings) {
    if (settings.pods > 0) {
        return settings.pods;
    }
    return TRY(vm::working_accelerator(settings.cache / "vm")) == vm::Accelerator::kKvm ? kNode : kEmulatedNode;
}

} // namespace

Status bench_cri(const Settings &settings) {
    TRY(make_directories(settings.results()));
    TRY(remove_tree(settings.logs() / "cri"));
    const int pods = TRY(pods_of_node(settings));
    const std::vector<EngineSamples> results = TRY(measure(settings, pods));
    const Report report{.bench = "cri", .peer = "containerd", .results = compare_runtimes(results, pods)};
    const fs::path file = settings.results() / "cri.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n%s\n%s\n", table(report).c_str(), runtime_remarks(results).c_str(), file.c_str());
    return {};
}

} // namespace ballast::bench
