// SPDX-License-Identifier: Apache-2.0
#include "updater/health/checks.h"

#include <algorithm>

#include "tests/unit/check.h"
#include "tests/unit/updater/health/fake_machine.h"
#include "updater/health/baseline.h"
#include "updater/health/check.h"
#include "updater/health/failing_units.h"

namespace ballast::updater::health {
namespace {

using namespace std::chrono_literals;

// One built-in check on that machine.
struct Trial {
    FakeMachine machine;
    HealthConfig config;
    std::optional<Baseline> baseline = Baseline();

    Finding operator()(Result<Finding> (*check)(const CheckInputs &)) {
        const Surroundings surroundings = machine.surroundings();
        return must(check({.config = config, .machine = surroundings, .baseline = baseline}));
    }
};

} // namespace

TEST_CASE("the engine's check passes when it answers, and when it is not enabled", "[health]") {
    Trial trial;
    CHECK(trial(check_engine).passed);
    trial.machine.engine_listens = false;
    trial.machine.enabled.clear();
    CHECK(trial(check_engine).passed);
}

TEST_CASE("an engine that takes a while is waited for", "[health]") {
    Trial trial;
    trial.machine.engine_listens = false;
    trial.machine.on_sleep = [&](auto now) { trial.machine.engine_listens = now >= 30s; };
    CHECK(trial(check_engine).passed);
    CHECK(trial.machine.time == 30s);
}

TEST_CASE("an engine that never answers fails with its journal", "[health]") {
    Trial trial;
    trial.machine.engine_listens = false;
    const Finding finding = trial(check_engine);
    CHECK(!finding.passed);
    CHECK(finding.message == "the engine does not answer: connection refused");
    CHECK(finding.evidence == std::vector<std::string>{"journal of ballastd.service"});
    CHECK(trial.machine.time == trial.config.wait_time);
}

TEST_CASE("an engine whose unit has failed is not waited for", "[health]") {
    Trial trial;
    trial.machine.engine_listens = false;
    trial.machine.units = {{.name = "ballastd.service", .state = "failed"}};
    CHECK(!trial(check_engine).passed);
    CHECK(trial.machine.time == 0s);
}

TEST_CASE("the agent is asked only where it is enabled", "[health]") {
    Trial trial;
    trial.machine.ready = false;
    CHECK(trial(check_agent).passed);
    trial.machine.enabled["ballast-agent.service"] = true;
    CHECK(!trial(check_agent).passed);
    trial.machine.ready = true;
    CHECK(trial(check_agent).passed);
}

TEST_CASE("an agent without anything to do is not asked", "[health]") {
    Trial trial;
    trial.machine.ready = false;
    trial.machine.enabled["ballast-agent.service"] = true;
    trial.machine.units = {{.name = "ballast-agent.service", .state = "inactive"}};
    CHECK(trial(check_agent).passed);
    trial.machine.units = {{.name = "ballast-agent.service", .state = "failed"}};
    CHECK(!trial(check_agent).passed);
}

TEST_CASE("the network is compared with what it was", "[health]") {
    Trial trial;
    trial.baseline->interfaces = {{.name = "eth0", .ipv4 = true, .ipv4_default = true}, {.name = "eth1", .ipv6 = true}};
    trial.machine.interfaces = {{.name = "eth0", .ipv4 = true, .ipv6 = true, .ipv4_default = true},
                                {.name = "eth1", .ipv4 = true, .ipv6 = true},
                                {.name = "eth2"}};
    CHECK(trial(check_network).passed);
    CHECK(trial.machine.time == 0s);
    trial.machine.interfaces = {{.name = "eth0", .ipv4 = true}};
    CHECK(trial(check_network).message ==
          "the network is not as before: eth0 has no IPv4 default route, eth1 is not there");
    trial.baseline->interfaces.reset();
    CHECK(trial(check_network).passed);
}

TEST_CASE("a clock that stands before the system was built fails", "[health]") {
    Trial trial;
    CHECK(trial(check_clock).passed);
    trial.machine.clock.synchronised = false;
    CHECK(trial(check_clock).passed);
    trial.machine.clock.now = 0;
    CHECK(
        trial(check_clock).message.starts_with("the clock says 1970-01-01 00:00 UTC, and the system was built 2020-"));
}

TEST_CASE("one update source that answers is enough", "[health]") {
    Trial trial;
    CHECK(trial(check_source).passed);
    trial.config.sources = {"http://a", "http://b"};
    CHECK(!trial(check_source).passed);
    trial.machine.sources["http://b/summary.sig"] = 404;
    CHECK(trial(check_source).message.ends_with("http://b/summary.sig: HTTP status 404"));
    trial.machine.sources["http://b/summary.sig"] = 200;
    CHECK(trial(check_source).passed);
}

TEST_CASE("a unit that fails is told with its journal, unless it failed before or is ignored", "[health]") {
    Trial trial;
    trial.machine.units = {{.name = "a.service", .state = "failed"}, {.name = "b.mount", .state = "active"}};
    const Finding finding = trial(check_units);
    CHECK(!finding.passed);
    CHECK(finding.message == "a.service fails and did not fail before: see journalctl -u UNIT");
    CHECK(finding.evidence == std::vector<std::string>{"journal of a.service"});
    trial.config.ignored_units = {"a.*"};
    CHECK(trial(check_units).passed);
    trial.config.ignored_units.clear();
    trial.baseline->failing_units = {"a.service"};
    CHECK(trial(check_units).passed);
    trial.baseline.reset();
    CHECK(!trial(check_units).passed);
}

TEST_CASE("a unit that is restarted again and again fails although it runs at every look", "[health]") {
    Trial trial;
    trial.machine.units = {{.name = "loop.service", .state = "active", .sub_state = "running", .restarts = 4}};
    CHECK(trial(check_units).passed);
    trial.machine.on_sleep = [&](auto) { trial.machine.units[0].restarts++; };
    CHECK(trial(check_units).message.starts_with("loop.service fails"));
    trial.machine.on_sleep = [](auto) {};
    trial.machine.units[0].sub_state = "auto-restart";
    CHECK(!trial(check_units).passed);
}

TEST_CASE("a service of the operator's that ran before must run again, as long as it takes to start", "[health]") {
    Trial trial;
    const Unit runs{.name = "web.service", .state = "active", .sub_state = "running", .operators = true};
    const Unit starts{.name = "web.service", .state = "activating", .sub_state = "start", .operators = true};
    trial.baseline->running_units =
        units_to_run({runs,
                      starts,
                      {.name = "ours.service", .state = "active", .sub_state = "running"},
                      {.name = "once.service", .state = "active", .sub_state = "exited", .operators = true}});
    CHECK(trial.baseline->running_units == std::vector<std::string>{"web.service"});
    trial.machine.units = {runs};
    CHECK(trial(check_units).passed);
    trial.machine.units = {starts};
    trial.machine.on_sleep = [&](std::chrono::milliseconds now) {
        trial.machine.units[0] = now > std::chrono::seconds(60) ? runs : starts;
    };
    CHECK(trial(check_units).passed);
    trial.machine.on_sleep = [](auto) {};
    trial.machine.units = {{.name = "web.service", .state = "inactive", .sub_state = "dead"}};
    const Finding finding = trial(check_units);
    CHECK(!finding.passed);
    CHECK(finding.message == "web.service does not run and ran before");
    CHECK(finding.evidence == std::vector<std::string>{"journal of web.service"});
    trial.machine.finished = {"web.service"}; // a job that takes its time, and took longer before
    CHECK(trial(check_units).passed);
    trial.machine.units.clear();
    CHECK(!trial(check_units).passed);
    trial.config.ignored_units = {"web.*"};
    CHECK(trial(check_units).passed);
}

TEST_CASE("containers that ran before must run, and be healthy if they were", "[health]") {
    Trial trial;
    trial.baseline->workloads = {{.id = "a", .name = "web"}, {.id = "b", .name = "db", .healthy = true}};
    trial.machine.put_container("a", "always", "running", true);
    trial.machine.put_container("b", "always", "running", true, R"(,"Health":{"Status":"healthy"})");
    CHECK(trial(check_workloads).message == "2 of 2 containers that ran before run");
    CHECK(trial.machine.time == trial.config.settle_time); // running once is not enough

    trial.machine.put_container("b", "always", "running", true,
                                R"(,"Health":{"Status":"unhealthy","Log":[{"Output":"no"},{"Output":"timeout"}]})");
    trial.machine.engine["/containers/b/logs?stdout=1&stderr=1&tail=20"] = std::string("\2\0\0\0\0\0\0\4bad\n", 12);
    const Finding finding = trial(check_workloads);
    CHECK(finding.message == "containers that ran before: db is not healthy: unhealthy (timeout)");
    CHECK(finding.evidence == std::vector<std::string>{"db: bad"});
}

TEST_CASE("a container that is gone or exited fails by its name", "[health]") {
    Trial trial;
    trial.baseline->workloads = {{.id = "a", .name = "web"}, {.id = "b", .name = "db"}};
    trial.machine.put_container("b", "always", "exited", false);
    CHECK(trial(check_workloads).message ==
          "containers that ran before: web is gone, db does not run: exited (exit status 7)");
    CHECK(trial.machine.time >= trial.config.workload_time);
}

TEST_CASE("a container that ends and is started again and again never counts as running", "[health]") {
    Trial trial;
    trial.baseline->workloads = {{.id = "a", .name = "web"}};
    trial.machine.put_container("a", "always", "running", true);
    trial.machine.on_sleep = [&](auto now) {
        std::string &answer = trial.machine.engine["/containers/a/json"];
        const std::size_t at = answer.find("StartedAt\":\"") + 12;
        answer.replace(at, answer.find('"', at) - at, std::to_string(now.count() / 5000));
    };
    CHECK(trial(check_workloads).message == "containers that ran before: web does not run for long enough");
}

TEST_CASE("a container gets the time that its own health check takes", "[health]") {
    Trial trial;
    trial.baseline->workloads = {{.id = "a", .name = "db", .healthy = true, .patience = 600s}};
    trial.machine.put_container("a", "always", "running", true, R"(,"Health":{"Status":"starting"})");
    trial.machine.on_sleep = [&](auto now) {
        if (now >= 500s) {
            trial.machine.put_container("a", "always", "running", true, R"(,"Health":{"Status":"healthy"})");
        }
    };
    CHECK(trial(check_workloads).passed);
}

TEST_CASE("containers that no check looks at are named", "[health]") {
    Trial trial;
    trial.baseline->workloads.emplace();
    trial.baseline->other_containers = {"once"};
    CHECK(trial(check_workloads).message == "no container has to run; not judged: once");
}

TEST_CASE("all checks run in order, and one that cannot be made has failed", "[health]") {
    const TemporaryDirectory directory = scratch();
    HealthConfig config{.weights = {{"agent", Weight::kOff}, {"network", Weight::kWanted}},
                        .scripts = directory.path() / "health.d",
                        .state = directory.path() / "state"};
    FakeMachine machine;
    Surroundings surroundings = machine.surroundings();
    surroundings.units = [] { return Result<std::vector<Unit>>(fail(EIO, "no bus")); };
    const std::vector<CheckResult> results = run_checks(config, surroundings);
    std::vector<std::string> names;
    std::ranges::transform(results, std::back_inserter(names), &CheckResult::name);
    CHECK(names == std::vector<std::string>{"engine", "network", "clock", "source", "units", "workloads"});
    CHECK(!results[1].required);
    CHECK(!results[3].required);
    CHECK(results[4].required);
    CHECK(!results[4].passed);
    CHECK(results[4].message == "it could not be checked: no bus");
}

} // namespace ballast::updater::health
