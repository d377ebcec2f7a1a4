// SPDX-License-Identifier: Apache-2.0
#include "updater/health/judge.h"

#include "tests/unit/check.h"
#include "tests/unit/updater/health/fake_machine.h"
#include "updater/grub_environment.h"
#include "updater/health/baseline.h"

namespace ballast::updater::health {
namespace {

namespace fs = std::filesystem;

const std::string kNew = "ostree-00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff.0-01234567";
const std::string kOld = "ostree-ff112233445566778899aabbccddeeff00112233445566778899aabbccddeeff.0-01234567";

// A boot on a fake machine.
struct Boot {
    TemporaryDirectory directory = scratch();
    HealthConfig config{.scripts = directory.path() / "health.d", .state = directory.path() / "state"};
    FakeMachine machine;
    BootFacts facts{
        .deployment = kNew, .version = "2", .boot = "b1", .on_trial = true, .tries_left = 2, .has_other = true};
    int restarts = 0;

    template <typename T>
    T with_bench(T (*verb)(const Bench &)) {
        const Surroundings surroundings = machine.surroundings();
        return verb(
            {.config = config,
             .machine = surroundings,
             .boot = facts,
             .journal = [](const std::string &boot) { return std::vector{"error of " + boot}; },
             .boot_with = [](const std::string &word) { return word.contains(kNew) ? "b0" : ""; },
             .jobs = [] { return Result<std::vector<std::string>>(std::vector<std::string>{"x (start, running)"}); },
             .version_of = [](const std::string &) { return "1"; },
             .restart =
                 [this] {
                     restarts++;
                     return Status();
                 }});
    }
    Report judge() { return must(with_bench(judge_boot)); }
    bool record() { return must(with_bench(record_baseline)); }
};

} // namespace

TEST_CASE("a boot on trial that is well is kept as what the next one is measured against", "[health]") {
    Boot boot;
    boot.machine.units = {{.name = "old.service", .state = "failed"}};
    must(keep_baseline(boot.config.state, {.deployment = kOld, .failing_units = {{"old.service"}}}));
    boot.machine.interfaces = {{.name = "eth0", .ipv4 = true}};
    boot.machine.engine["/containers/json?all=1"] = R"([{"Id":"a"},{"Id":"b"},{"Id":"c"},{"Id":"d"}])";
    boot.machine.put_container("a", "always", "running", true, R"(,"Health":{"Status":"healthy"})");
    boot.machine.put_container("b", "unless-stopped", "exited", false);
    boot.machine.put_container("c", "no", "running", true);

    const Report report = boot.judge();
    CHECK(report.outcome == Outcome::kPassed);
    CHECK(boot.restarts == 0);
    CHECK(last_report(boot.config.state) == report);
    const std::optional<Baseline> kept = load_baseline(boot.config.state);
    REQUIRE(kept.has_value());
    CHECK(kept->deployment == kNew);
    CHECK(kept->failing_units == std::vector<std::string>{"old.service"});
    CHECK(kept->interfaces == boot.machine.interfaces);
    CHECK(kept->workloads ==
          std::vector<Workload>{
              {.id = "a", .name = "a-name", .healthy = true, .patience = std::chrono::seconds(100 + 2 * (5 + 30))}});
    CHECK(kept->other_containers == std::vector<std::string>{"b-name", "c-name"});
}

TEST_CASE("a required failure on trial restarts the machine after the report is kept", "[health]") {
    Boot boot;
    boot.machine.units = {{.name = "new.service", .state = "failed"}};
    const Report report = boot.judge();
    CHECK(report.outcome == Outcome::kRestarting);
    CHECK(boot.restarts == 1);
    CHECK(failed_report(boot.config.state, kNew) == report);
    CHECK(report.journal == std::vector<std::string>{"error of b1"});
    CHECK(!load_baseline(boot.config.state).has_value());
    CHECK(!boot.record());
}

TEST_CASE("a failure never restarts a machine whose version is good already", "[health]") {
    Boot boot;
    boot.facts.on_trial = false;
    boot.machine.units = {{.name = "new.service", .state = "failed"}};
    CHECK(boot.judge().outcome == Outcome::kFailed);
    CHECK(boot.restarts == 0);
    CHECK(failed_reports(boot.config.state).empty());
    // It is the operator's machine as it is: the next version is not blamed for that unit.
    CHECK(boot.record());
    CHECK(load_baseline(boot.config.state)->failing_units == std::vector<std::string>{"new.service"});
}

TEST_CASE("a failure does not restart a machine that has nothing to go back to", "[health]") {
    Boot boot;
    boot.facts.has_other = false;
    boot.machine.units = {{.name = "new.service", .state = "failed"}};
    CHECK(boot.judge().outcome == Outcome::kFailed);
    CHECK(boot.restarts == 0);
}

TEST_CASE("a failure that is wanted only restarts nothing", "[health]") {
    Boot boot;
    boot.config.sources = {"http://nobody"};
    const Report report = boot.judge();
    CHECK(report.outcome == Outcome::kPassed);
    CHECK(boot.restarts == 0);
}

TEST_CASE("a mistake in the updater's configuration is not a source that nobody configured", "[health]") {
    Boot boot;
    boot.config.source_mistake = "updater.json:1:2: unknown key";
    const Report report = boot.judge();
    CHECK(report.outcome == Outcome::kPassed);
    CHECK(report_text(report).contains("warning source                   updater.json:1:2: unknown key\n"));
}

TEST_CASE("a report that cannot be kept does not hold back the restart", "[health]") {
    Boot boot;
    must(write_file(boot.config.state, "in the way"));
    boot.machine.units = {{.name = "new.service", .state = "failed"}};
    CHECK(boot.judge().outcome == Outcome::kRestarting);
    CHECK(boot.restarts == 1);
}

TEST_CASE("what the boot loader gave up without a word is told by its journal", "[health]") {
    Boot boot;
    boot.facts = {.deployment = kOld, .version = "1", .boot = "b2", .given_up = kNew};
    CHECK(boot.judge().outcome == Outcome::kPassed);
    const std::optional<Report> lost = failed_report(boot.config.state, kNew);
    REQUIRE(lost.has_value());
    CHECK(lost->outcome == Outcome::kUnfinished);
    CHECK(lost->boot == "b0");
    CHECK(reason(*lost) == "it did not come to a verdict; its last error: error of b0");
    CHECK(last_report(boot.config.state)->deployment == kOld);
}

TEST_CASE("what a given up deployment said itself is not replaced", "[health]") {
    Boot boot;
    boot.machine.units = {{.name = "new.service", .state = "failed"}};
    const Report said = boot.judge();
    boot.machine.units.clear();
    boot.facts = {.deployment = kOld, .version = "1", .boot = "b2", .given_up = kNew};
    (void)boot.judge();
    CHECK(failed_report(boot.config.state, kNew) == said);
}

TEST_CASE("a boot on trial that takes too long ends with what it waits for", "[health]") {
    Boot boot;
    const std::optional<Report> report = must(boot.with_bench(end_late_boot));
    REQUIRE(report.has_value());
    CHECK(report->outcome == Outcome::kUnfinished);
    CHECK(reason(*report) == "health check boot: the boot has not ended in time; it waits for 1 jobs");
    CHECK(report->checks[0].evidence == std::vector<std::string>{"x (start, running)"});
    CHECK(boot.restarts == 1);
}

TEST_CASE("a boot that is judged, good or alone is never late", "[health]") {
    Boot boot;
    (void)boot.judge();
    CHECK(!must(boot.with_bench(end_late_boot)).has_value());
    boot.facts.boot = "b3"; // the verdict was another boot's
    boot.facts.on_trial = false;
    CHECK(!must(boot.with_bench(end_late_boot)).has_value());
    boot.facts.on_trial = true;
    boot.facts.has_other = false;
    CHECK(!must(boot.with_bench(end_late_boot)).has_value());
    CHECK(boot.restarts == 0);
}

TEST_CASE("the boot's facts come from the command line and the boot counter", "[health]") {
    const TemporaryDirectory root = scratch();
    must(make_directories(root.path() / "proc/sys/kernel/random"));
    must(make_directories(root.path() / "boot/grub2"));
    must(make_directories(root.path() / "boot/loader/entries"));
    must(make_directories(root.path() / "usr/lib"));
    must(write_file(root.path() / "proc/sys/kernel/random/boot_id", "01234567-89ab-cdef-0123-456789abcdef\n"));
    must(write_file(root.path() / "usr/lib/os-release", "NAME=\"x\"\nVERSION_ID=1.2\nBALLAST_EPOCH=1700000000\n"));
    must(write_file(root.path() / "proc/cmdline", "quiet ballast.deployment=" + kNew + "\n"));
    must(write_file(root.path() / "boot/loader/entries/ostree-1.conf", ""));
    const auto counter = [&](const std::string &good, const std::string &trial, const std::string &tries) {
        GrubEnvironment environment;
        must(environment.set("good", good));
        must(environment.set("trial", trial));
        must(environment.set("tries", tries));
        must(write_environment(root.path() / "boot/grub2/grubenv", environment));
        return must(look_at_boot(root.path()));
    };

    BootFacts facts = counter(kOld, kNew, "1");
    CHECK(facts.deployment == kNew);
    CHECK(facts.boot == "0123456789abcdef0123456789abcdef");
    CHECK(facts.version == "1.2");
    CHECK(facts.built == 1'700'000'000);
    CHECK(facts.on_trial);
    CHECK(facts.tries_left == 1);
    CHECK(!facts.has_other);
    CHECK(facts.given_up.empty());

    must(write_file(root.path() / "boot/loader/entries/ostree-2.conf", ""));
    facts = counter(kNew, kNew, "1");
    CHECK(!facts.on_trial);
    CHECK(facts.has_other);

    facts = counter(kNew, kOld, "0");
    CHECK(!facts.on_trial);
    CHECK(facts.given_up == kOld);

    must(write_file(root.path() / "boot/grub2/grubenv", "damaged"));
    CHECK(!must(look_at_boot(root.path())).on_trial);
    must(write_file(root.path() / "proc/cmdline", "quiet\n"));
    CHECK(must(look_at_boot(root.path())).deployment.empty());
}

} // namespace ballast::updater::health
