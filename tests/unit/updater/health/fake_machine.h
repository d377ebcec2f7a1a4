// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "updater/health/surroundings.h"

// A machine of which a test says how it is. Its time goes by sleeping only.
namespace ballast::updater::health {

struct FakeMachine {
    std::vector<Unit> units = {};
    std::map<std::string, bool> enabled = {{"ballastd.service", true}};
    std::set<std::string> finished = {};                            // services
    std::map<std::string, std::string> engine = {{"/_ping", "OK"}}; // answers by target; others: 404
    bool engine_listens = true;
    bool ready = true;
    std::vector<Interface> interfaces = {};
    std::map<std::string, int> sources = {}; // status by URL; others: nobody there
    Clock clock = {.now = 1'700'000'000, .synchronised = true, .earliest = 1'600'000'000};
    std::chrono::milliseconds time = {};
    std::function<void(std::chrono::milliseconds now)> on_sleep = [](std::chrono::milliseconds) {};

    Surroundings surroundings() {
        return {.units = [this] { return Result<std::vector<Unit>>(units); },
                .is_enabled = [this](const std::string &unit) { return Result<bool>(enabled[unit]); },
                .has_finished = [this](const std::string &unit) { return finished.contains(unit); },
                .unit_journal = [](const std::string &unit) { return std::vector{"journal of " + unit}; },
                .engine = [this](const std::string &target) { return answer(target); },
                .agent_ready = [this] { return Result<bool>(ready); },
                .interfaces = [this] { return Result<std::vector<Interface>>(interfaces); },
                .ask_source = [this](const std::string &url) -> Result<int> {
                    return sources.contains(url) ? Result<int>(sources[url]) : fail(ECONNREFUSED, url + ": refused");
                },
                .clock = [this] { return clock; },
                .elapsed = [this] { return time; },
                .sleep =
                    [this](std::chrono::milliseconds pause) {
                        time += pause;
                        on_sleep(time);
                    }};
    }

    // A container of the engine; `more` stands inside of State.
    void put_container(const std::string &id, const std::string &policy, const std::string &status, bool running,
                       const std::string &more = "") {
        engine["/containers/" + id + "/json"] =
            R"({"Id":")" + id + R"(","Name":"/)" + id + R"(-name","HostConfig":{"RestartPolicy":{"Name":")" + policy +
            R"("}},"Config":{"Healthcheck":{"Interval":5000000000,"Retries":2,"StartPeriod":100000000000}},"State":{"Status":")" +
            status + R"(","Running":)" + (running ? "true" : "false") +
            R"(,"Restarting":false,"StartedAt":"2026-01-01T00:00:00Z","ExitCode":7,"Error":"")" + more + "}}";
    }

  private:
    Result<std::string> answer(const std::string &target) const {
        if (!engine_listens) {
            return fail(ECONNREFUSED, "connection refused");
        }
        const auto found = engine.find(target);
        return found != engine.end() ? Result<std::string>(found->second) : fail(ENOENT, "404");
    }
};

} // namespace ballast::updater::health
