// SPDX-License-Identifier: Apache-2.0
// ballast-network-measure: times the networks of container engines in turn over their Docker Engine API and by iperf3,
// and prints what it found as JSON. Runs in a test machine; `./dev bench network` calls it and reads the result.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <deque>
#include <format>
#include <thread>

#include "base/subprocess.h"
#include "tests/bench/dns_lookups.h"
#include "tests/bench/engine_client.h"
#include "tests/bench/engine_processes.h"
#include "tests/bench/engine_samples.h"
#include "tests/bench/exit_status.h"
#include "tests/bench/measured_engine.h"
#include "tests/bench/network_measurement.h"
#include "tests/bench/stopwatch.h"

namespace ballast::bench {
namespace {

using namespace std::chrono_literals;
using Strings = std::vector<std::string>;
using Samples = std::map<std::string, std::vector<double>>;

constexpr int kWarmUp = 2;        // lives that do not count
constexpr int kLivesPerRound = 5; // they are short
constexpr int kMostStarts = 3;    // rounds of starts: fifty take dockerd minutes on an emulated machine
constexpr int kTogether = 50, kManyPorts = 100, kLookups = 1000;
constexpr int kServerPort = 5201, kFirstHostPort = 20000, kPortStep = 1000;
constexpr int kMostAttempts = 100; // until a server listens, a tenth of a second each
constexpr std::chrono::seconds kSettle{5}, kLongestTransfer{60};

struct Arguments {
    std::string image;   // whose /payload is true(1), or waits with "sleep"
    std::string host;    // an address of this machine
    std::string outside; // NAMESPACE,ADDRESS of a neighbour
    int rounds = 7;
    Strings parts; // none: all
    Strings engines;
};

// What one engine's measurements have in common.
struct Side {
    Engine engine;
    EngineClient client;
    int first_port = 0; // of the host, for this engine alone
    Samples samples{};
    Strings ids{}; // of containers to be removed

    Side(Engine given, int port) : engine(std::move(given)), client(engine.socket), first_port(port) {}

    Result<Running> start(const std::string &image, Place place) {
        place.first_host_port = first_port;
        ids.push_back(TRY(client.create(image, {"/payload", "sleep"}, place)));
        TRY(client.start(ids.back()));
        return client.running(ids.back());
    }
    Status remove_all() {
        for (const std::string &id : ids) {
            TRY(client.remove(id));
        }
        ids.clear();
        return {};
    }
};
using Sides = std::deque<Side>; // a client does not move

// Who waits sees that it goes on: the newest sample of each side.
void tell(const Sides &sides, const std::string &key) {
    std::string line;
    for (const Side &side : sides) {
        if (const auto samples = side.samples.find(key); samples != side.samples.end()) {
            line += std::format(", {} {:.1f}", side.engine.name, samples->second.back());
        }
    }
    std::fprintf(stderr, "%s %zu%s\n", key.c_str(), sides.back().samples.at(key).size(), line.c_str());
}

Status measure_lives(Sides &sides, const Arguments &arguments) {
    for (int round = -kWarmUp; round < arguments.rounds * kLivesPerRound; ++round) {
        for (Side &side : sides) {
            Stopwatch watch;
            const std::string id = TRY(side.client.create(arguments.image, {"/payload"}, {.network = "bridge"}));
            TRY(side.client.start(id));
            const int status = TRY(side.client.wait(id));
            TRY(side.client.remove(id));
            if (status != 0) {
                return fail(EIO, "the payload ended with " + std::to_string(status));
            }
            if (const double life = watch.lap(); round >= 0) {
                side.samples["life"].push_back(life);
            }
        }
        if (round >= 0) {
            tell(sides, "life");
        }
    }
    return {};
}

// Containers that are there already, started at once.
Status start_together(Side &side, const std::string &image) {
    for (int i = 0; i < kTogether; ++i) {
        side.ids.push_back(TRY(side.client.create(
            image, {"/payload", "sleep"},
            {.network = "bridge", .first_host_port = side.first_port + i, .first_container_port = 80, .ports = 1})));
    }
    std::vector<Status> outcomes(side.ids.size());
    Stopwatch watch;
    {
        std::vector<std::jthread> clients;
        for (std::size_t i = 0; i < outcomes.size(); ++i) {
            clients.emplace_back([&, i] { outcomes[i] = EngineClient(side.engine.socket).start(side.ids[i]); });
        }
    }
    side.samples["starts"].push_back(watch.lap());
    for (const Status &outcome : outcomes) {
        TRY(outcome);
    }
    return side.remove_all();
}

Status measure_starts(Sides &sides, const Arguments &arguments) {
    for (int round = 0; round < std::min(arguments.rounds, kMostStarts); ++round) {
        for (Side &side : sides) {
            TRY(start_together(side, arguments.image).within(side.engine.name));
        }
        tell(sides, "starts");
    }
    return {};
}

Command in_namespace(const std::string &file, Strings words) {
    words.insert(words.begin(), {"nsenter", "--net=" + file});
    return {.arguments = std::move(words)};
}
std::string namespace_of(int pid) { return "/proc/" + std::to_string(pid) + "/ns/net"; }

Result<Child> serve(const std::string &place) {
    Command command = in_namespace(place, {"iperf3", "--server", "--port", std::to_string(kServerPort)});
    command.log = "/dev/null";
    return Child::start(command);
}

Result<double> transfer(const std::string &place, const std::string &address, int port) {
    Command command = in_namespace(place, {"iperf3", "--client", address, "--port", std::to_string(port), "--time", "3",
                                           "--omit", "1", "--connect-timeout", "2000", "--json"});
    command.timeout = kLongestTransfer;
    for (int attempt = 0;; ++attempt) {
        const Completed done = TRY(run(command));
        if (done.status == 0 || attempt == kMostAttempts) {
            return per_gibibyte(done.output);
        }
        std::this_thread::sleep_for(100ms); // its server does not listen yet
    }
}

struct Ends {
    Running server, client;
};

Status measure_throughput(Sides &sides, const Arguments &arguments) {
    const std::size_t comma = arguments.outside.find(',');
    const std::string outside = "/run/netns/" + arguments.outside.substr(0, comma);
    std::vector<Child> servers;
    servers.push_back(TRY(serve(outside)));
    std::vector<Ends> ends;
    for (Side &side : sides) {
        const Running server =
            TRY(side.start(arguments.image, {.network = "bridge", .first_container_port = kServerPort, .ports = 1}));
        ends.push_back({server, TRY(side.start(arguments.image, {.network = "bridge"}))});
        servers.push_back(TRY(serve(namespace_of(server.pid))));
    }
    for (int round = 0; round < arguments.rounds; ++round) {
        for (std::size_t i = 0; i < sides.size(); ++i) {
            Samples &samples = sides[i].samples;
            const std::string client = namespace_of(ends[i].client.pid);
            samples["container"].push_back(TRY(transfer(client, ends[i].server.address, kServerPort)));
            samples["host"].push_back(TRY(transfer("/proc/self/ns/net", arguments.host, sides[i].first_port)));
            samples["out"].push_back(TRY(transfer(client, arguments.outside.substr(comma + 1), kServerPort)));
        }
        for (const char *key : {"container", "host", "out"}) {
            tell(sides, key);
        }
    }
    for (Side &side : sides) {
        TRY(side.remove_all());
    }
    return {};
}

Status measure_lookups(Sides &sides, const Arguments &arguments) {
    std::vector<int> askers;
    for (Side &side : sides) {
        TRY(side.client.create_network("bench"));
        (void)TRY(side.start(arguments.image, {.network = "bench", .name = "asked"}));
        askers.push_back(TRY(side.start(arguments.image, {.network = "bench"})).pid);
    }
    for (int round = -1; round < arguments.rounds; ++round) {
        for (std::size_t i = 0; i < sides.size(); ++i) {
            const double milliseconds = TRY(time_lookups(askers[i], "asked", kLookups).within(sides[i].engine.name));
            if (round >= 0) {
                sides[i].samples["lookups"].push_back(milliseconds);
            }
        }
        if (round >= 0) {
            tell(sides, "lookups");
        }
    }
    for (Side &side : sides) {
        TRY(side.remove_all());
        TRY(side.client.remove_network("bench"));
    }
    return {};
}

Status measure_memory(Sides &sides, const Arguments &arguments) {
    for (const auto &[key, ports] : {std::pair("memory", 0), {"memory_ports", kManyPorts}}) {
        for (Side &side : sides) {
            (void)TRY(side.start(arguments.image, {.network = "bridge", .first_container_port = 1000, .ports = ports}));
            std::this_thread::sleep_for(kSettle);
            side.samples[key].push_back(TRY(totals_of(side.engine.processes)).pss_mib);
            TRY(side.remove_all());
        }
        tell(sides, key);
    }
    return {};
}

struct Part {
    const char *name;
    Status (*measure)(Sides &, const Arguments &);
};
constexpr Part kParts[] = {{"lives", measure_lives},
                           {"starts", measure_starts},
                           {"throughput", measure_throughput},
                           {"look-ups", measure_lookups},
                           {"memory", measure_memory}};

Status measure(const Arguments &arguments) {
    Sides sides;
    for (const std::string &text : arguments.engines) {
        sides.emplace_back(TRY(engine_of(text)), kFirstHostPort + kPortStep * static_cast<int>(sides.size()));
    }
    for (const Part &part : kParts) {
        if (arguments.parts.empty() || std::ranges::contains(arguments.parts, part.name)) {
            TRY(part.measure(sides, arguments).within(part.name));
        }
    }
    std::vector<EngineSamples> results;
    for (const Side &side : sides) {
        results.push_back({.name = side.engine.name, .samples = side.samples});
    }
    std::fputs(to_json(results).c_str(), stdout);
    return {};
}

int main_measure(int argc, char **argv) {
    Arguments arguments;
    CLI::App app("Times the networks of container engines in turn.", "ballast-network-measure");
    app.add_option("--image", arguments.image, "whose /payload ends at once or sleeps")->required();
    app.add_option("--host", arguments.host, "an address of this machine")->required();
    app.add_option("--outside", arguments.outside, "NAMESPACE,ADDRESS of a neighbour")->required();
    app.add_option("-n,--rounds", arguments.rounds, "how often each is measured")->capture_default_str();
    app.add_option("--part", arguments.parts, "lives, starts, throughput, look-ups, memory; all when none is named")
        ->check(CLI::IsMember({"lives", "starts", "throughput", "look-ups", "memory"}))
        ->allow_extra_args(false);
    app.add_option("engine", arguments.engines, "NAME=SOCKET,PROCESS[,PROCESS]...")->required();
    CLI11_PARSE(app, argc, argv);
    return exit_status_of(measure(arguments));
}

} // namespace
} // namespace ballast::bench

int main(int argc, char **argv) { return ballast::bench::main_measure(argc, argv); }
