// SPDX-License-Identifier: Apache-2.0
#include "updater/policy.h"

#include "tests/unit/check.h"

using namespace ballast;
using namespace ballast::updater;

namespace {

using Reasons = std::vector<std::string>;
const Reasons kNone;
const std::string kTrial = "the running system is on trial: its health checks have not passed yet";
const std::string kManual = "the strategy is manual: restart the machine, or run \"ballast upgrade --reboot\"";
const std::string kClosed = "the next window opens at 2026-11-28 02:00 UTC";

constexpr WindowView kClosedView = {.open = false, .changes = 1795831200};
constexpr WindowView kOpenView = {.open = true, .changes = 1795831200};

} // namespace

TEST_CASE("each strategy waits for what it says", "[updater]") {
    REQUIRE(reasons_to_wait({.strategy = Strategy::kManual}) == Reasons{kManual});
    REQUIRE(reasons_to_wait({.strategy = Strategy::kImmediate}) == kNone);
    REQUIRE(reasons_to_wait({.strategy = Strategy::kWindow, .has_windows = true, .window = kClosedView}) ==
            Reasons{kClosed});
    REQUIRE(reasons_to_wait({.strategy = Strategy::kWindow, .has_windows = true, .window = kOpenView}) == kNone);
    REQUIRE(reasons_to_wait({.strategy = Strategy::kWindow, .has_windows = true}) ==
            Reasons{"no window opens any more"});
    REQUIRE(reasons_to_wait({.strategy = Strategy::kLock}) == Reasons{"the fleet's lock is not held"});
    REQUIRE(reasons_to_wait({.strategy = Strategy::kLock, .lock_held = true}) == kNone);
}

TEST_CASE("windows hold the other strategies back only where they take part", "[updater]") {
    REQUIRE(reasons_to_wait({.strategy = Strategy::kImmediate, .has_windows = true, .window = kClosedView}) == kNone);
    REQUIRE(
        reasons_to_wait({.strategy = Strategy::kLock, .has_windows = true, .window = kClosedView, .lock_held = true}) ==
        Reasons{kClosed});
}

TEST_CASE("all reasons are told, in the policies' order", "[updater]") {
    const Moment moment{.strategy = Strategy::kLock,
                        .on_trial = true,
                        .has_windows = true,
                        .window = kClosedView,
                        .lock_refusal = "no slot"};
    REQUIRE(reasons_to_wait(moment) == Reasons{kTrial, kClosed, "the fleet's lock: no slot"});
    REQUIRE(reasons_to_wait(moment, false) == Reasons{kTrial, kClosed});
}

TEST_CASE("workloads that do not leave hold every restart back", "[updater]") {
    const Reasons kept = {"the workloads are not drained: a pod stays"};
    REQUIRE(reasons_to_wait({.strategy = Strategy::kImmediate, .drain_refusal = "a pod stays"}) == kept);
    REQUIRE(reasons_to_wait({.insisted = true, .drain_refusal = "a pod stays"}) == kept);
}

TEST_CASE("an operator who insists waits for the proof of the running system only", "[updater]") {
    for (const Strategy strategy : {Strategy::kManual, Strategy::kImmediate, Strategy::kWindow, Strategy::kLock}) {
        Moment moment{.strategy = strategy, .insisted = true, .has_windows = true, .window = kClosedView};
        REQUIRE(reasons_to_wait(moment) == kNone);
        moment.on_trial = true;
        REQUIRE(reasons_to_wait(moment) == Reasons{kTrial});
    }
}

TEST_CASE("every policy is a sentence, and stands in the documents", "[updater]") {
    const std::string document = must(read_file("docs/usage/updates.md"));
    for (const Policy &policy : policies()) {
        INFO(policy.sentence);
        REQUIRE(policy.sentence.ends_with('.'));
        REQUIRE(document.contains(policy.sentence));
    }
}
