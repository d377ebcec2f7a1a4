// SPDX-License-Identifier: Apache-2.0
#include "tests/chaos/killer.h"

#include <algorithm>
#include <chrono>
#include <csignal>

#include "tests/chaos/processes.h"

namespace ballast::chaos {
namespace {

using namespace std::chrono_literals;

void sleep(const std::stop_token &stop, std::chrono::milliseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(5ms);
    }
}

// Whose monitor that is. Nothing: it is just ending, or has not begun.
std::string container_of(const Process &monitor) {
    const auto option = std::ranges::find(monitor.words, "--container");
    return monitor.words.end() - option < 2 ? "" : *std::next(option);
}

} // namespace

void Killer::run(const std::stop_token &stop) {
    while (!stop.stop_requested()) {
        sleep(stop, std::chrono::milliseconds(20 + random_() % 400));
        switch (random_() % 10) {
        case 0:
            kill_daemon();
            break;
        case 1: // together, as when memory is short
            kill_daemon();
            kill_monitor();
            break;
        case 2:
        case 3:
        case 4:
        case 5:
            kill_monitor();
            break;
        default:
            kill_runtime(stop);
        }
    }
}

void Killer::kill_daemon() {
    for (const Process &daemon : running(all_processes(), "ballastd", place_.programs)) {
        const std::scoped_lock lock(mutex_);
        toll_.daemons += ::kill(daemon.pid, SIGKILL) == 0 ? 1 : 0;
    }
}

void Killer::kill_monitor() {
    const std::vector<Process> monitors = running(all_processes(), "ballast-monitor", place_.programs);
    if (monitors.empty()) {
        return;
    }
    const Process &chosen = monitors[random_() % monitors.size()];
    const std::scoped_lock lock(mutex_);
    kills_[container_of(chosen)]++; // before it dies: it may tell about it at once
    toll_.monitors += ::kill(chosen.pid, SIGKILL) == 0 ? 1 : 0;
}

// They live for milliseconds: waits for one.
void Killer::kill_runtime(const std::stop_token &stop) {
    const auto end = std::chrono::steady_clock::now() + 500ms;
    while (!stop.stop_requested() && std::chrono::steady_clock::now() < end) {
        const std::vector<Process> found = running(all_processes(), "ballast-oci", place_.programs);
        if (!found.empty()) {
            std::this_thread::sleep_for(std::chrono::microseconds(random_() % 3000));
            const Process &chosen = found[random_() % found.size()];
            const std::scoped_lock lock(mutex_);
            if (std::ranges::contains(chosen.words, "run")) {
                starts_.insert(chosen.words.back());
            }
            toll_.runtimes += ::kill(chosen.pid, SIGKILL) == 0 ? 1 : 0;
            return;
        }
    }
}

Killer::Toll Killer::toll() const {
    const std::scoped_lock lock(mutex_);
    return toll_;
}

bool Killer::start_killed(const std::string &id) const {
    const std::scoped_lock lock(mutex_);
    return starts_.contains(id);
}

int Killer::monitor_kills(const std::string &id) const {
    const std::scoped_lock lock(mutex_);
    int sum = 0;
    for (const std::string &key : {id, std::string()}) {
        const auto found = kills_.find(key);
        sum += found == kills_.end() ? 0 : found->second;
    }
    return sum;
}

} // namespace ballast::chaos
