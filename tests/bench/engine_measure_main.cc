// SPDX-License-Identifier: Apache-2.0
// ballast-engine-measure: times container engines in turn over their Docker Engine API and prints what it found as
// JSON. Runs in a test machine; `./dev bench engine` calls it and reads the result.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <thread>

#include "base/subprocess.h"
#include "tests/bench/engine_client.h"
#include "tests/bench/engine_measurement.h"
#include "tests/bench/engine_processes.h"
#include "tests/bench/exit_status.h"
#include "tests/bench/measured_engine.h"
#include "tests/bench/statistics.h"
#include "tests/bench/stopwatch.h"

namespace ballast::bench {
namespace {

using Strings = std::vector<std::string>;

constexpr int kWarmUp = 3; // rounds that do not count: caches of files and of compiled profiles
constexpr int kMostCostlyRounds = 3, kMostCliRounds = 10; // of what takes long, and never more than of the others
constexpr int kTogether = 50;
constexpr int kIdleContainers[] = {10, 50};
constexpr std::chrono::seconds kSettle{10}, kIdleTime{60};

struct Arguments {
    std::string image;     // whose /payload is true(1), or waits with "sleep"
    std::string big_image; // to be pulled: HOST:PORT/NAME
    int rounds = 50;
    Strings parts;   // none: all
    Strings engines; // NAME=SOCKET,PROCESS[,PROCESS]...
};

// For who waits: under emulation the whole takes an hour and more.
void tell(const std::string &engine, const char *what, double milliseconds) {
    std::fprintf(stderr, "%-9s %-18s %9.1f ms\n", engine.c_str(), what, milliseconds);
}

// From create to remove, of a program that ends at once.
Status live_once(EngineClient &client, const std::string &image, std::map<std::string, std::vector<double>> &times) {
    Stopwatch watch;
    const std::string id = TRY(client.create(image, {"/payload"}));
    const double create = watch.lap();
    TRY(client.start(id));
    const double start = watch.lap();
    const int status = TRY(client.wait(id));
    const double wait = watch.lap();
    TRY(client.remove(id));
    const double remove = watch.lap();
    if (status != 0) {
        return fail(EIO, "the payload ended with " + std::to_string(status));
    }
    const std::pair<const char *, double> laps[] = {{"create", create},
                                                    {"start", start},
                                                    {"wait", wait},
                                                    {"remove", remove},
                                                    {"life", create + start + wait + remove}};
    for (const auto &[name, milliseconds] : laps) {
        times[name].push_back(milliseconds);
    }
    return {};
}

Result<double> live_together(const Engine &engine, const std::string &image) {
    std::vector<Status> outcomes(kTogether);
    Stopwatch watch;
    {
        std::vector<std::jthread> clients;
        for (Status &outcome : outcomes) {
            clients.emplace_back([&] {
                EngineClient client(engine.socket);
                std::map<std::string, std::vector<double>> ignored;
                outcome = live_once(client, image, ignored);
            });
        }
    }
    const double milliseconds = watch.lap();
    for (const Status &outcome : outcomes) {
        TRY(outcome);
    }
    return milliseconds;
}

Result<double> command_time(const Strings &command) {
    Stopwatch watch;
    (void)TRY(run_checked({.arguments = command}));
    return watch.lap();
}

Status measure_lives(const std::vector<Engine> &engines, const Arguments &arguments, EngineBenchResults &results) {
    std::vector<std::unique_ptr<EngineClient>> clients;
    for (const Engine &engine : engines) {
        clients.push_back(std::make_unique<EngineClient>(engine.socket));
    }
    for (int round = -kWarmUp; round < arguments.rounds; ++round) {
        for (std::size_t i = 0; i < engines.size(); ++i) {
            if (round == 0) {
                results.engines[i].times.clear();
            }
            TRY(live_once(*clients[i], arguments.image, results.engines[i].times).within(engines[i].name));
        }
    }
    for (const EngineResults &engine : results.engines) {
        tell(engine.name, "lives, median", summarize(engine.times.at("life")).median);
    }
    return {};
}

Status measure_together(const std::vector<Engine> &engines, const Arguments &arguments, EngineBenchResults &results) {
    for (int round = 0; round < std::min(kMostCostlyRounds, arguments.rounds); ++round) {
        for (std::size_t i = 0; i < engines.size(); ++i) {
            const double took = TRY(live_together(engines[i], arguments.image).within(engines[i].name));
            results.engines[i].times["parallel"].push_back(took);
            tell(engines[i].name, "together", took);
        }
    }
    return {};
}

// With the command that people use, which itself takes most of the time.
Status measure_command(const std::vector<Engine> &engines, const Arguments &arguments, EngineBenchResults &results) {
    for (int round = 0; round < std::min(kMostCliRounds, arguments.rounds); ++round) {
        results.client.push_back(TRY(command_time({"docker", "--version"})));
        for (std::size_t i = 0; i < engines.size(); ++i) {
            const double took = TRY(command_time({"docker", "-H", "unix://" + engines[i].socket, "run", "--rm",
                                                  "--network", "none", arguments.image, "/payload"}));
            results.engines[i].times["cli"].push_back(took);
            tell(engines[i].name, "docker run", took);
        }
    }
    return {};
}

// Memory with more and more containers that wait, and the processor time that waiting takes.
Status measure_idle(const Engine &engine, const std::string &image, EngineResults &results) {
    EngineClient client(engine.socket);
    Strings ids;
    for (const int count : kIdleContainers) {
        while (std::ssize(ids) < count) {
            ids.push_back(TRY(client.create(image, {"/payload", "sleep"})));
            TRY(client.start(ids.back()));
        }
        std::this_thread::sleep_for(kSettle);
        results.memory[count].push_back(TRY(totals_of(engine.processes)).pss_mib);
    }
    const ProcessTotals before = TRY(totals_of(engine.processes));
    std::this_thread::sleep_for(kIdleTime);
    const ProcessTotals after = TRY(totals_of(engine.processes));
    results.idle_cpu.push_back(after.cpu_ms - before.cpu_ms);
    results.largest_mib = after.largest;
    for (const std::string &id : ids) {
        TRY(client.remove(id));
    }
    return {};
}

Status measure_each_idle(const std::vector<Engine> &engines, const Arguments &arguments, EngineBenchResults &results) {
    std::this_thread::sleep_for(kSettle);
    for (std::size_t i = 0; i < engines.size(); ++i) {
        results.engines[i].memory[0].push_back(TRY(totals_of(engines[i].processes)).pss_mib);
    }
    for (std::size_t i = 0; i < engines.size(); ++i) {
        TRY(measure_idle(engines[i], arguments.image, results.engines[i]).within(engines[i].name));
        tell(engines[i].name, "idle, a minute", results.engines[i].idle_cpu.back());
    }
    return {};
}

Status measure_pulls(const std::vector<Engine> &engines, const Arguments &arguments, EngineBenchResults &results) {
    const std::string &image = arguments.big_image;
    for (int round = 0; round < std::min(kMostCostlyRounds, arguments.rounds); ++round) {
        for (std::size_t i = 0; i < engines.size(); ++i) {
            EngineClient client(engines[i].socket);
            Stopwatch watch;
            TRY(client.pull(image, "latest").within(engines[i].name));
            results.engines[i].times["pull"].push_back(watch.lap());
            tell(engines[i].name, "pull", results.engines[i].times["pull"].back());
            TRY(client.remove_image(image + ":latest").within(engines[i].name));
        }
    }
    return {};
}

struct Part {
    const char *name;
    Status (*measure)(const std::vector<Engine> &, const Arguments &, EngineBenchResults &);
};
// Idle engines first: what they hold when nothing has run yet is part of it.
constexpr Part kParts[] = {{"idle", measure_each_idle},
                           {"lives", measure_lives},
                           {"client", measure_command},
                           {"together", measure_together},
                           {"pulls", measure_pulls}};

Status measure(const Arguments &arguments) {
    EngineBenchResults results;
    std::vector<Engine> engines;
    for (const std::string &text : arguments.engines) {
        engines.push_back(TRY(engine_of(text)));
        results.engines.push_back({.name = engines.back().name});
        EngineClient client(engines.back().socket);
        const std::size_t colon = arguments.image.rfind(':');
        TRY(client.pull(arguments.image.substr(0, colon), arguments.image.substr(colon + 1))
                .within(engines.back().name));
    }
    for (const Part &part : kParts) {
        if (arguments.parts.empty() || std::ranges::contains(arguments.parts, part.name)) {
            TRY(part.measure(engines, arguments, results).within(part.name));
        }
    }
    std::fputs(to_json(results).c_str(), stdout);
    return {};
}

int main_measure(int argc, char **argv) {
    Arguments arguments;
    CLI::App app("Times container engines in turn over their Docker Engine API.", "ballast-engine-measure");
    app.add_option("--image", arguments.image, "HOST:PORT/NAME:TAG whose /payload ends at once or sleeps")->required();
    app.add_option("--big-image", arguments.big_image, "HOST:PORT/NAME that is pulled")->required();
    app.add_option("-n,--rounds", arguments.rounds, "how many lives are timed")->capture_default_str();
    app.add_option("--part", arguments.parts, "idle, lives, client, together, pulls; all when none is named")
        ->check(CLI::IsMember({"idle", "lives", "client", "together", "pulls"}))
        ->allow_extra_args(false);
    app.add_option("engine", arguments.engines, "NAME=SOCKET,PROCESS[,PROCESS]...")->required();
    CLI11_PARSE(app, argc, argv);
    return exit_status_of(measure(arguments));
}

} // namespace
} // namespace ballast::bench

int main(int argc, char **argv) { return ballast::bench::main_measure(argc, argv); }
