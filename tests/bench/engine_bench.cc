// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/engine_bench.h"

#include <algorithm>
#include <cstdio>

#include "base/file_io.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/engine_images.h"
#include "tests/bench/engine_report.h"
#include "tests/bench/guest_output.h"
#include "tests/images/registry.h"
#include "tests/images/sources.h"
#include "tests/vm/machine.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 50;
constexpr unsigned kMemory = 6144; // MiB: dockerd beside fifty containers holds over 1 GiB
constexpr const char *kPlace = "/var/lib/ballast-bench";
constexpr const char *kOurs = "ballastd=/run/docker.sock,ballastd,ballast-monitor";
constexpr const char *kDockerd = "dockerd=/run/peer/docker.sock,dockerd,containerd,containerd-shim";
constexpr const char *kPodman = "podman=/run/peer/podman.sock,podman,conmon";

// Both peers beside ours, each on a socket and with a store of its own; all may speak HTTP with the registry. dockerd
// without a bridge: no container here has a network.
std::string preparation(const std::string &registry) {
    const std::string place = kPlace;
    return "set -e; mkdir -p /run/peer /etc/ballast /etc/containers/registries.conf.d\n"
           "echo '{\"insecure-registries\": [\"" +
           registry +
           "\"]}' > /etc/ballast/engine.json\n"
           "printf '[[registry]]\\nlocation = \"%s\"\\ninsecure = true\\n' " +
           registry +
           " > /etc/containers/registries.conf.d/bench.conf\n"
           "systemctl restart ballastd.service\n"
           "systemctl start containerd.service\n"
           "systemd-run --quiet --unit peer-dockerd --property Delegate=yes dockerd -H unix:///run/peer/docker.sock "
           "--containerd /run/containerd/containerd.sock "
           "--data-root " +
           place +
           "/docker --exec-root /run/peer/docker --pidfile /run/peer/docker.pid "
           "--bridge none --iptables=false --ip6tables=false --insecure-registry " +
           registry +
           "\n"
           "systemd-run --quiet --unit peer-podman --property Delegate=yes podman system service --time 0 "
           "unix:///run/peer/podman.sock\n"
           "for socket in /run/docker.sock /run/peer/docker.sock /run/peer/podman.sock; do\n"
           "  for i in $(seq 120); do docker -H unix://$socket version >/dev/null 2>&1 && break; sleep 1; done\n"
           "  docker -H unix://$socket version >/dev/null\n"
           "done\n";
}

Result<EngineBenchResults> measure(const Settings &settings) {
    const fs::path there = kPlace;
    vm::MachineOptions options = TRY(machine_of(settings, "test", "engine"));
    const fs::path programs = images::own_directory();
    const TemporaryDirectory scratch = TRY(TemporaryDirectory::create("/tmp", "bench-engine-"));
    TRY(make_payload_image(scratch.path(), programs / "payload"));
    TRY(make_big_image(scratch.path()));
    const images::Registry registry = TRY(images::Registry::start({}));
    for (const char *name : {"payload", "big"}) {
        TRY(registry.push(scratch.path() / name));
    }
    options.memory = kMemory;
    options.disk_size = 12ULL << 30;
    vm::Machine machine = TRY(vm::Machine::boot(std::move(options)));
    const std::string address = "10.0.2.2:" + std::to_string(registry.port()); // this machine, as the guest sees it
    TRY(machine.copy_in(programs / "ballast-engine-measure", there / "ballast-engine-measure"));
    (void)TRY(machine.run_checked(preparation(address)).within("start the peers"));
    Command command{.arguments = {there / "ballast-engine-measure", "--rounds",
                                  std::to_string(settings.rounds_or(kRounds)), "--image", address + "/payload:latest",
                                  "--big-image", address + "/big", kOurs, kDockerd, kPodman}};
    for (const std::string &part : settings.parts) {
        command.arguments.insert(command.arguments.end(), {"--part", part});
    }
    return engine_results_from_json(TRY(output_of(machine, command, there / "results.json")));
}

} // namespace

Status bench_engine(const Settings &settings) {
    TRY(make_directories(settings.results()));
    TRY(remove_tree(settings.logs() / "engine"));
    const EngineBenchResults results = TRY(measure(settings));
    const Report report{.bench = "engine", .peer = "dockerd", .results = compare_engines(results)};
    for (std::size_t i = 1; i < results.engines.size(); ++i) {
        Report part{.bench = "engine", .peer = results.engines[i].name, .results = {}};
        std::ranges::copy_if(report.results, std::back_inserter(part.results),
                             [&part](const Comparison &each) { return each.peer == part.peer; });
        std::printf("\n%s", table(part).c_str());
    }
    const fs::path file = settings.results() / "engine.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n%s\n", engine_remarks(results).c_str(), file.c_str());
    return {};
}

} // namespace ballast::bench
