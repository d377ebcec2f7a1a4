// SPDX-License-Identifier: Apache-2.0
// ballast-bench: what Ballast costs beside what people would otherwise use.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "base/log.h"
#include "tests/bench/cri_bench.h"
#include "tests/bench/engine_bench.h"
#include "tests/bench/image_bench.h"
#include "tests/bench/network_bench.h"
#include "tests/bench/node_bench.h"
#include "tests/bench/oci_bench.h"
#include "tests/bench/update_bench.h"
#include "tests/vm/scratch.h"
#include "tests/vm/supervise.h"

namespace ballast::bench {
namespace {

struct Bench {
    const char *name;
    Status (*run)(const Settings &);
};
constexpr Bench kBenches[] = {{"image", bench_image},     {"oci", bench_oci}, {"engine", bench_engine},
                              {"network", bench_network}, {"cri", bench_cri}, {"node", bench_node},
                              {"update", bench_update}};

// The benchmarks of these names, each once; of no names all.
Result<std::vector<Bench>> choose(const std::vector<std::string> &names) {
    for (const std::string &name : names) {
        if (!std::ranges::contains(kBenches, name, &Bench::name)) {
            std::string known;
            for (const Bench &bench : kBenches) {
                known += (known.empty() ? "" : ", ") + std::string(bench.name);
            }
            return fail(EINVAL, "there is no benchmark '" + name + "'; there are: " + known);
        }
    }
    std::vector<Bench> chosen;
    std::ranges::copy_if(kBenches, std::back_inserter(chosen), [&names](const Bench &bench) {
        return names.empty() || std::ranges::contains(names, bench.name);
    });
    return chosen;
}

int run_all(const std::vector<Bench> &benches, const Settings &settings) {
    int status = 0;
    for (const Bench &bench : benches) {
        const Status outcome = bench.run(settings).within(std::string("bench ") + bench.name);
        if (!outcome.has_value()) {
            log::error(outcome.error().message);
            status = 1;
        }
    }
    return status;
}

int main_bench(int argc, char **argv) {
    Settings settings;
    if (const char *mirror = std::getenv("BALLAST_DEBIAN_MIRROR"); mirror != nullptr) {
        settings.mirror = mirror;
    }
    std::vector<std::string> names;
    CLI::App app("Measures Ballast beside its peers.", "ballast-bench");
    app.add_option("name", names,
                   "which benchmarks (image, oci, engine, network, cri, node, update); all when none is named");
    app.add_option("-n,--rounds", settings.rounds,
                   "how often to measure what is timed (image: 5, oci: 200, engine: 50, network: 7, cri: 10, node: 20, "
                   "update: 10)")
        ->check(CLI::Range(1, 10000));
    app.add_option("--part", settings.parts,
                   "of network: lives, starts, throughput, look-ups, memory; of engine: idle, lives, client, together, "
                   "pulls; of cri and node: memory, lives, starts; of update: delta, returns; all of them when none "
                   "is named")
        ->check(CLI::IsMember({"lives", "starts", "throughput", "look-ups", "memory", "idle", "client", "together",
                               "pulls", "delta", "returns"}))
        ->allow_extra_args(false);
    app.add_option("--pods", settings.pods, "how many are started together (110; emulated, cri 10 and node 20)")
        ->check(CLI::Range(1, 1000));
    app.add_option("--output", settings.output, "the build's output; results go to bench/ there")
        ->capture_default_str();
    app.add_option("--cache", settings.cache, "packages, peers, state of test machines")->capture_default_str();
    app.add_option("--peer", settings.peer_file, "definition of the peer")->capture_default_str();
    app.add_option("--oci", settings.oci, "the OCI runtime under measurement")->capture_default_str();
    CLI11_PARSE(app, argc, argv);

    const Result<std::vector<Bench>> benches = choose(names);
    if (!benches.has_value()) {
        log::error(benches.error().message);
        return 2;
    }
    return vm::supervise([&] { return run_all(*benches, settings); },
                         [&settings](bool) { vm::Scratch::sweep(settings.cache / "vm/run"); });
}

} // namespace
} // namespace ballast::bench

int main(int argc, char **argv) { return ballast::bench::main_bench(argc, argv); }
