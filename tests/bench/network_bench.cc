// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/network_bench.h"

#include <cstdio>

#include "base/file_io.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/guest_output.h"
#include "tests/bench/network_report.h"
#include "tests/images/sources.h"
#include "tests/vm/machine.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

constexpr int kRounds = 7;
constexpr unsigned kMemory = 4096; // MiB
constexpr const char *kPlace = "/var/lib/ballast-bench";
constexpr const char *kOurs = "ballastd=/run/docker.sock,ballastd,ballast-monitor";
constexpr const char *kTheirs = "dockerd=/run/peer/docker.sock,dockerd,containerd,containerd-shim,docker-proxy";

// dockerd beside ours with a bridge and rules of its own; ours has switched on forwarding by then, so that dockerd does
// not make a policy of dropping what is forwarded. A neighbour outside, where no machine is. One image for both.
std::string preparation() {
    const std::string place = kPlace;
    return "set -e; mkdir -p /run/peer\n"
           "docker network ls >/dev/null\n"
           "systemctl start containerd.service\n"
           "systemd-run --quiet --unit peer-dockerd --property Delegate=yes dockerd -H unix:///run/peer/docker.sock "
           "--containerd /run/containerd/containerd.sock --data-root " +
           place +
           "/docker --exec-root /run/peer/docker --pidfile /run/peer/docker.pid --bip 172.31.0.1/16 "
           "--default-address-pool base=10.213.0.0/16,size=24\n"
           "ip netns add outside\n"
           "ip link add bench0 type veth peer name bench1 netns outside\n"
           "ip address add 198.51.100.1/24 dev bench0; ip link set bench0 up\n"
           "ip -n outside address add 198.51.100.2/24 dev bench1; ip -n outside link set bench1 up\n"
           "for socket in /run/docker.sock /run/peer/docker.sock; do\n"
           "  for i in $(seq 120); do docker -H unix://$socket version >/dev/null 2>&1 && break; sleep 1; done\n"
           "  tar -C " +
           place + " -c payload | docker -H unix://$socket import - bench >/dev/null\n" + "done\n";
}

Result<std::vector<EngineSamples>> measure(const Settings &settings) {
    const fs::path there = kPlace;
    vm::MachineOptions options = TRY(machine_of(settings, "test", "network"));
    options.memory = kMemory;
    vm::Machine machine = TRY(vm::Machine::boot(std::move(options)));
    for (const char *program : {"ballast-network-measure", "payload"}) {
        TRY(machine.copy_in(images::own_directory() / program, there / program));
    }
    (void)TRY(machine.run_checked(preparation()).within("start the peer"));
    Command command{.arguments = {there / "ballast-network-measure", "--rounds",
                                  std::to_string(settings.rounds_or(kRounds)), "--image", "bench:latest", "--outside",
                                  "outside,198.51.100.2", "--host", "198.51.100.1", kOurs, kTheirs}};
    for (const std::string &part : settings.parts) {
        command.arguments.insert(command.arguments.end(), {"--part", part});
    }
    return engine_samples_from_json(TRY(output_of(machine, command, there / "results.json")));
}

} // namespace

Status bench_network(const Settings &settings) {
    TRY(make_directories(settings.results()));
    TRY(remove_tree(settings.logs() / "network"));
    const std::vector<EngineSamples> results = TRY(measure(settings));
    const Report report{.bench = "network", .peer = "dockerd", .results = compare_networks(results)};
    const fs::path file = settings.results() / "network.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n%s\n%s\n", table(report).c_str(), network_remarks(results).c_str(), file.c_str());
    return {};
}

} // namespace ballast::bench
