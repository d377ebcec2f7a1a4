// SPDX-License-Identifier: Apache-2.0
// ballast-chaos: the kill test on the machine it runs on, against the engine that systemd started there.
#include <CLI/CLI.hpp>
#include <iostream>
#include <sstream>

#include "base/subprocess.h"
#include "tests/chaos/kills.h"

using namespace ballast;

namespace {

// Names of what systemd keeps: the first column of a table.
std::vector<std::string> kept_by_systemd() {
    const Result<std::string> table =
        run_checked({.arguments = {"systemd-analyze", "fdstore", "--no-pager", "--no-legend", "ballastd.service"}});
    std::istringstream lines(table.value_or(""));
    std::vector<std::string> names;
    for (std::string line; std::getline(lines, line);) {
        if (const std::string name = line.substr(0, line.find(' ')); name.find('-') == 64) {
            names.push_back(name);
        }
    }
    return names;
}

} // namespace

int main(int argc, char **argv) {
    chaos::Place place{.socket = "/run/docker.sock",
                       .programs = "/usr/lib/ballast",
                       .out = "/var/lib/chaos",
                       .data_root = "/var/lib/ballast",
                       .run_root = "/run/ballast",
                       .scopes = true};
    chaos::Effort effort;
    std::string worker;
    CLI::App app("kills the engine's programs at random and compares what it says afterwards with the truth");
    app.add_option("--seconds", effort.seconds, "of work and kills")->capture_default_str();
    app.add_option("--seed", effort.seed, "of all that is random")->capture_default_str();
    app.add_option("--containers", effort.containers)->capture_default_str();
    app.add_option("--out", place.out, "where workers write what they do")->capture_default_str();
    app.add_option("--worker", worker, "the program of the containers")->required();
    CLI11_PARSE(app, argc, argv);
    std::filesystem::create_directories(place.out);
    const std::vector<std::string> problems = chaos::kill_at_random(place, effort, worker, kept_by_systemd);
    for (const std::string &problem : problems) {
        std::cout << problem << "\n";
    }
    std::cout << problems.size() << " problems\n";
    return problems.empty() ? EXIT_SUCCESS : EXIT_FAILURE;
}
