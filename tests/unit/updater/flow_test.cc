// SPDX-License-Identifier: Apache-2.0
#include "updater/flow.h"

#include <catch2/generators/catch_generators.hpp>
#include <catch2/generators/catch_generators_range.hpp>

#include "tests/unit/check.h"
#include "tests/unit/updater/fake_host.h"

using namespace ballast;
using namespace ballast::updater;

namespace {

// The updater starts anew, as after every boot and every idle exit.
struct Started : Flow {
    Started(Host &host, const std::filesystem::path &directory, Strategy strategy, bool has_windows)
        : Flow(host, directory, strategy, has_windows) {
        must(settle());
    }
};

struct Bench {
    TemporaryDirectory directory = scratch();
    FakeHost host;
    Strategy strategy = Strategy::kManual;
    bool has_windows = false;

    Started flow() { return {host, directory.path(), strategy, has_windows}; }
    State state() { return load_record(directory.path()).record.state; }
    std::vector<std::string> history() {
        std::vector<std::string> list;
        for (const HistoryEntry &entry : load_history(directory.path())) {
            list.push_back(entry.what + " " + entry.version);
        }
        return list;
    }
};

} // namespace

TEST_CASE("an update is found, prepared, started, proven and remembered", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    REQUIRE(bench.state() == State::kIdle);
    const Outcome found = must(flow.check({}));
    REQUIRE(found.offer->commit.version == "2");
    REQUIRE(bench.host.asked == "ballast/stable/x86_64/cloud");
    REQUIRE(bench.state() == State::kIdle);
    REQUIRE(must(flow.upgrade({})).text == "2 is ready: the next restart takes it");
    REQUIRE(bench.state() == State::kStaged);
    REQUIRE(must(flow.upgrade({})).text.contains("ready already"));
    REQUIRE(bench.state() == State::kStaged);

    bench.host.restart();
    (void)bench.flow();
    REQUIRE(bench.state() == State::kVerifying);
    bench.host.prove();
    auto after = bench.flow();
    REQUIRE(bench.state() == State::kIdle);
    REQUIRE(bench.history() == std::vector<std::string>{"staged 2", "updated 2"});
    REQUIRE(must(after.check({})).text == "nothing newer than 2");
}

TEST_CASE("a version that does not prove itself is given up, kept out, and told with its evidence", "[updater]") {
    Bench bench;
    auto first = bench.flow();
    must(first.upgrade({}));
    for (int start = 0; start < 3; start++) {
        bench.host.restart();
        (void)bench.flow(); // it comes as far as the updater, and not to be good
        REQUIRE(bench.state() == State::kVerifying);
    }
    bench.host.restart();
    auto flow = bench.flow();
    REQUIRE(bench.state() == State::kRolledBack);
    REQUIRE(bench.host.list.size() == 1);
    const Record record = flow.snapshot().record;
    REQUIRE(record.refused.size() == 1);
    REQUIRE(record.refused[0].version == "2");
    REQUIRE(record.refused[0].reason == "no engine");
    REQUIRE(record.refused[0].journal == std::vector<std::string>{"failed: " + checksum('2') + ".0"});

    // Not again by itself, whatever happens in between; a restart of the updater changes nothing.
    REQUIRE(must(flow.upgrade({})).text.contains("was given up here before (no engine)"));
    REQUIRE(bench.state() == State::kRolledBack);
    auto again = bench.flow();
    REQUIRE(bench.state() == State::kRolledBack);
    must(again.acknowledge());
    REQUIRE(bench.state() == State::kIdle);
    REQUIRE(must(again.upgrade({})).text.contains("was given up"));
    REQUIRE(bench.state() == State::kIdle);

    SECTION("a newer one is taken") {
        bench.host.available = commit('3');
        must(again.upgrade({}));
        REQUIRE(bench.state() == State::kStaged);
    }
    SECTION("once a newer one works, the story is over, seen or not") {
        Record unseen = load_record(bench.directory.path()).record;
        unseen.refused[0].acknowledged = false;
        must(save_record(bench.directory.path(), unseen));
        bench.host.available = commit('3');
        auto newer = bench.flow();
        REQUIRE(bench.state() == State::kRolledBack);
        must(newer.upgrade({}));
        bench.host.restart();
        bench.host.prove();
        auto working = bench.flow();
        must(working.settle()); // as each look at the status does
        REQUIRE(bench.state() == State::kIdle);
        REQUIRE(working.snapshot().record.refused[0].acknowledged);
    }
    SECTION("an operator insists, and the boot loader tries it again") {
        bench.host.facts.trial = checksum('2') + ".0";
        bench.host.facts.tries = 0;
        must(again.upgrade({.target = {}, .insist = true}));
        REQUIRE(bench.host.facts.trial.empty());
        bench.host.restart();
        bench.host.prove();
        (void)bench.flow();
        REQUIRE(bench.state() == State::kIdle);
        REQUIRE(bench.host.list.front().commit.version == "2");
    }
}

TEST_CASE("an older commit is refused unless the operator wants it", "[updater]") {
    Bench bench;
    bench.host.available = commit('0');
    auto flow = bench.flow();
    const Error error = error_of(flow.upgrade({}));
    REQUIRE(error.code == EPERM);
    REQUIRE(error.message.contains("0 is older than what was good here"));
    REQUIRE(bench.state() == State::kIdle);
    must(flow.upgrade({.target = {}, .allow_older = true}));
    REQUIRE(bench.state() == State::kStaged);
}

TEST_CASE("going back does not make what was good before acceptable from a repository", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    bench.host.restart();
    bench.host.prove();
    auto second = bench.flow();
    REQUIRE(must(second.roll_back()).text == "1 is next: restart to go back to it");
    REQUIRE(bench.state() == State::kStaged);
    bench.host.restart();
    (void)bench.flow();
    REQUIRE(bench.state() == State::kVerifying);
    bench.host.prove();
    auto third = bench.flow();
    REQUIRE(bench.state() == State::kIdle);
    REQUIRE(must(third.upgrade({})).text.contains("an operator went back from it"));
    bench.host.available = commit('1');
    bench.host.available.checksum = checksum('9');
    REQUIRE(error_of(third.upgrade({})).code == EPERM);
    REQUIRE(bench.history() == std::vector<std::string>{"staged 2", "updated 2", "rollback 1", "updated 1"});
}

TEST_CASE("a rollback of what is only prepared leaves what runs", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    REQUIRE(error_of(flow.roll_back()).code == ENOENT);
    must(flow.upgrade({}));
    bench.host.restart();
    bench.host.prove();
    auto second = bench.flow();
    must(second.roll_back()); // 1 is next
    REQUIRE(must(second.roll_back()).text == "2 stays: what was prepared is not taken");
    REQUIRE(bench.state() == State::kIdle);
    REQUIRE(bench.host.list.front().booted);
}

TEST_CASE("a failure leaves what was before, and is told", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    SECTION("of the source") {
        bench.host.look_error = Error{.code = ETIMEDOUT, .message = "stalled"};
        REQUIRE(error_of(flow.upgrade({})).message == "stalled");
        REQUIRE(bench.state() == State::kIdle);
    }
    SECTION("of the download") {
        bench.host.pull_error = Error{.code = ENOSPC, .message = "full"};
        REQUIRE(error_of(flow.upgrade({})).code == ENOSPC);
        REQUIRE(bench.state() == State::kIdle);
    }
    SECTION("with something prepared already") {
        must(flow.upgrade({}));
        bench.host.available = commit('3');
        bench.host.pull_error = Error{.code = ENOSPC, .message = "full"};
        REQUIRE(error_of(flow.upgrade({})).code == ENOSPC);
        REQUIRE(bench.state() == State::kStaged);
        REQUIRE(bench.host.list.front().commit.version == "2");
        bench.host.look_error = Error{.code = ETIMEDOUT, .message = "stalled"};
        REQUIRE(error_of(flow.check({})).code == ETIMEDOUT);
        REQUIRE(bench.state() == State::kStaged);
    }
    const Record record = flow.snapshot().record;
    REQUIRE_FALSE(record.last_check->succeeded);
    REQUIRE_FALSE(record.last_check->outcome.empty());
}

TEST_CASE("the restart waits for what the strategy says and tells all reasons", "[updater]") {
    Bench bench;
    bench.strategy = GENERATE(Strategy::kManual, Strategy::kWindow);
    bench.has_windows = true;
    auto flow = bench.flow();
    REQUIRE(must(flow.restart(false)).text == "nothing is prepared");
    must(flow.upgrade({}));
    must(flow.restart(false));
    REQUIRE(bench.state() == State::kWaiting);
    REQUIRE(flow.snapshot().waiting_for.size() == 1);
    REQUIRE(bench.host.reboots == 0);
    must(flow.restart(false));
    REQUIRE(bench.state() == State::kWaiting);
    must(flow.restart(true));
    REQUIRE(bench.host.reboots == 1);
    REQUIRE(bench.state() == State::kRebooting);
}

TEST_CASE("a system on trial is not left, not even for an operator", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    bench.host.restart();
    auto second = bench.flow();
    bench.host.available = commit('3');
    REQUIRE(error_of(second.upgrade({})).code == EBUSY);
    REQUIRE(must(second.restart(true)).text == "nothing is prepared");
    REQUIRE(bench.state() == State::kVerifying);
}

TEST_CASE("a machine that will not restart is told and stays ready", "[updater]") {
    Bench bench;
    bench.strategy = Strategy::kImmediate;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    bench.host.reboot_error = Error{.code = EIO, .message = "inhibited"};
    REQUIRE(error_of(flow.restart(false)).message == "inhibited");
    REQUIRE(bench.state() == State::kStaged);
}

TEST_CASE("the fleet's lock is taken before the restart and given back when the new system is good", "[updater]") {
    Bench bench;
    bench.strategy = Strategy::kLock;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    bench.host.lock_error = Error{.code = EAGAIN, .message = "no slot"};
    must(flow.restart(false));
    REQUIRE(flow.snapshot().waiting_for == std::vector<std::string>{"the fleet's lock: no slot"});
    bench.host.lock_error.reset();
    bench.host.locks = 0;
    must(flow.restart(false));
    REQUIRE(bench.host.reboots == 1);
    REQUIRE(bench.host.locks == 1);
    bench.host.restart();
    (void)bench.flow();
    REQUIRE(bench.host.locks == 1);
    bench.host.prove();
    (void)bench.flow();
    REQUIRE(bench.host.locks == 0);
    REQUIRE_FALSE(load_record(bench.directory.path()).record.lock_held);
}

TEST_CASE("a lock that comes after the window has closed is given back", "[updater]") {
    Bench bench;
    bench.strategy = Strategy::kLock;
    bench.has_windows = true;
    bench.host.window = {.open = true, .changes = 2000};
    bench.host.later_window = {{.open = false, .changes = 9000}};
    auto flow = bench.flow();
    must(flow.upgrade({}));
    must(flow.restart(false));
    REQUIRE(bench.host.reboots == 0);
    REQUIRE(bench.host.locks == 0);
    REQUIRE(bench.state() == State::kWaiting);
    REQUIRE(flow.snapshot().waiting_for == std::vector<std::string>{"the next window opens at 1970-01-01 02:30 UTC"});
}

TEST_CASE("the workloads leave before the restart, and come back when the new system is good", "[updater]") {
    Bench bench;
    bench.strategy = Strategy::kImmediate;
    bench.host.drains = true;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    must(flow.restart(false));
    REQUIRE(bench.host.reboots == 1);
    REQUIRE(bench.host.drained == 1);
    REQUIRE(load_record(bench.directory.path()).record.drained);
    bench.host.restart();
    (void)bench.flow();
    REQUIRE(bench.host.drained == 1); // on trial
    bench.host.prove();
    bench.host.resume_error = Error{.code = EIO, .message = "no API server"};
    (void)bench.flow();
    REQUIRE(load_record(bench.directory.path()).record.drained); // kept in mind
    bench.host.resume_error.reset();
    (void)bench.flow();
    REQUIRE(bench.host.drained == 0);
    REQUIRE_FALSE(load_record(bench.directory.path()).record.drained);
}

TEST_CASE("workloads that do not leave hold the restart back, an operator's too, and come back", "[updater]") {
    for (const bool insisted : {false, true}) {
        Bench bench;
        bench.strategy = Strategy::kLock;
        bench.host.drains = true;
        bench.host.drain_error = Error{.code = EAGAIN, .message = "a pod stays"};
        auto flow = bench.flow();
        must(flow.upgrade({}));
        REQUIRE(must(flow.restart(insisted)).text == "2 waits: the workloads are not drained: a pod stays");
        REQUIRE(bench.host.reboots == 0);
        REQUIRE(bench.host.drained == 0);
        REQUIRE(bench.host.locks == 0); // others may restart meanwhile
        REQUIRE(bench.state() == State::kWaiting);
        REQUIRE(flow.snapshot().waiting_for == std::vector<std::string>{"the workloads are not drained: a pod stays"});
        bench.host.drain_error.reset();
        must(flow.restart(insisted));
        REQUIRE(bench.host.reboots == 1);
        REQUIRE(bench.host.drained == 1);
    }
}

TEST_CASE("nobody is drained for a restart that something else holds back, or that fails", "[updater]") {
    Bench bench;
    bench.strategy = Strategy::kWindow;
    bench.has_windows = true;
    bench.host.drains = true;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    bench.host.drain_error = Error{.code = EIO, .message = "must not be asked"};
    must(flow.restart(false));
    REQUIRE(flow.snapshot().waiting_for == std::vector<std::string>{"no window opens any more"});
    bench.host.drain_error.reset();

    bench.host.window = {.open = true, .changes = 2000};
    bench.host.later_window = {{.open = false, .changes = 9000}}; // closed when they have left
    must(flow.restart(false));
    REQUIRE(flow.snapshot().waiting_for == std::vector<std::string>{"the next window opens at 1970-01-01 02:30 UTC"});
    REQUIRE(bench.host.drained == 0);

    bench.host.window = {.open = true, .changes = 20000};
    bench.host.reboot_error = Error{.code = EIO, .message = "inhibited"};
    REQUIRE(error_of(flow.restart(false)).message == "inhibited");
    REQUIRE(bench.host.drained == 0);
    REQUIRE(bench.state() == State::kStaged);
}

TEST_CASE("workloads that left for a restart that an updater died before come back", "[updater]") {
    Bench bench;
    bench.strategy = Strategy::kImmediate;
    bench.host.drains = true;
    {
        auto flow = bench.flow();
        must(flow.upgrade({}));
        bench.host.drained = 1; // as Flow::restart() leaves it when it is killed while they leave
        Record record = load_record(bench.directory.path()).record;
        record.state = State::kWaiting;
        record.drained = true;
        must(save_record(bench.directory.path(), record));
    }
    (void)bench.flow();
    REQUIRE(bench.host.drained == 0);
    REQUIRE_FALSE(load_record(bench.directory.path()).record.drained);
    REQUIRE(bench.state() == State::kWaiting);
}

TEST_CASE("a lost or damaged record is found again by looking", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    auto damage = [&] { must(write_file(bench.directory.path() / "state.json", "{\"format\"")); };
    damage();
    auto staged = bench.flow();
    REQUIRE(staged.snapshot().trouble.contains("state.json"));
    REQUIRE(bench.state() == State::kStaged);
    bench.host.restart();
    damage();
    (void)bench.flow();
    REQUIRE(bench.state() == State::kVerifying);
    bench.host.restart();
    bench.host.restart();
    bench.host.restart();
    damage();
    auto back = bench.flow();
    REQUIRE(bench.state() == State::kRolledBack);
    REQUIRE(back.snapshot().record.refused.at(0).version == "2");
}

TEST_CASE("an updater that was killed in the middle starts from what is there", "[updater]") {
    Bench bench;
    const State killed_in = GENERATE(Catch::Generators::from_range(kStates.begin(), kStates.end()));
    Record record;
    record.state = killed_in;
    record.since = 1;
    must(save_record(bench.directory.path(), record));
    auto flow = bench.flow();
    REQUIRE(bench.state() == State::kIdle);
    must(flow.upgrade({}));
    REQUIRE(bench.state() == State::kStaged);
}

TEST_CASE("what was prepared and is gone is told", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    must(flow.upgrade({}));
    std::erase_if(bench.host.list, &Deployment::staged); // shutdown could not finish it
    bench.host.restart();
    (void)bench.flow();
    REQUIRE(bench.state() == State::kIdle);
    REQUIRE(bench.history() == std::vector<std::string>{"staged 2", "withdrawn 2"});
}

TEST_CASE("kernel arguments are a deployment of their own, on trial like any other", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    must(flow.change_kernel_arguments({.append = {"a=b"}, .remove = {}, .replace = {}}));
    REQUIRE(bench.host.arguments.append == std::vector<std::string>{"a=b"});
    REQUIRE(bench.state() == State::kStaged);
    for (int start = 0; start < 4; start++) {
        bench.host.restart();
        (void)bench.flow();
    }
    REQUIRE(bench.state() == State::kRolledBack);
    REQUIRE(bench.host.list.size() == 1);
}

TEST_CASE("deployments are pinned by version or checksum, and ambiguity is an error", "[updater]") {
    Bench bench;
    auto flow = bench.flow();
    must(flow.pin("1", true));
    REQUIRE(bench.host.list[0].pinned);
    must(flow.pin(checksum('1').substr(0, 8), false));
    REQUIRE_FALSE(bench.host.list[0].pinned);
    REQUIRE(error_of(flow.pin("7", true)).code == ENOENT);
    REQUIRE(error_of(flow.pin("", true)).code == ENOENT);
    must(flow.change_kernel_arguments({}));
    REQUIRE(error_of(flow.pin("1", true)).code == EINVAL);
}

TEST_CASE("a channel's name takes its place in the ref", "[updater]") {
    REQUIRE(must(target_ref(kStable, "")) == "ballast/stable/x86_64/cloud");
    REQUIRE(must(target_ref(kStable, "beta")) == "ballast/beta/x86_64/cloud");
    REQUIRE(must(target_ref(kStable, "other/ref")) == "other/ref");
    REQUIRE(must(target_ref(kStable, checksum('a'))) == checksum('a'));
    REQUIRE(must(target_ref(checksum('a'), "")) == checksum('a'));
    REQUIRE(error_of(target_ref(checksum('a'), "beta")).code == EINVAL);
    REQUIRE(error_of(target_ref("", "")).code == EINVAL);
}
