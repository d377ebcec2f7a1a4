// SPDX-License-Identifier: Apache-2.0
// An update by the real libostree on a disk that is full in each of its steps.
#include <cerrno>

#include "tests/integration/updater/booted.h"
#include "tests/integration/updater/killed_at.h"
#include "tests/integration/updater/rehearsal.h"

using namespace ballast;
using namespace ballast::updater;
using namespace ballast::updater_test;

namespace {

constexpr std::uint64_t kPage = 4096;

// `act` with nothing left, and with more each time, until it succeeds. How often it failed.
int fill_in(Rehearsal &rehearsal, const std::set<Versions> &allowed, Scarce what, std::uint64_t more,
            const std::function<Status()> &act) {
    rehearsal.keep();
    int failures = 0;
    for (std::uint64_t left = 0;; left += more) {
        INFO("with " << left << " left");
        rehearsal.put_back_with(what, left);
        const Status done = act();
        rehearsal.check_bootable(allowed);
        if (done.has_value()) {
            break;
        }
        failures++;
    }
    rehearsal.put_back();
    return failures;
}

Status fetch(const Rehearsal &rehearsal) {
    const Lived lived = must(run_killed_at(kNever, [&] {
        const Status done = rehearsal.fetch();
        return done.has_value() ? 0 : done.error().code;
    }));
    CHECK((lived.status == 0 || lived.status == ENOSPC));
    return lived.status == 0 ? Status() : fail(lived.status, "fetch");
}

Status on_machine(const Rehearsal &rehearsal, const std::function<Status()> &act) {
    return on_running(rehearsal.world(), act) == 0 ? Status() : Status(fail(EIO, "it failed"));
}

Status stage(const Rehearsal &rehearsal) {
    return on_machine(rehearsal, [&] { return rehearsal.stage(); });
}

Status stage_and_finalise(const Rehearsal &rehearsal) {
    return on_machine(rehearsal, [&]() -> Status {
        TRY(rehearsal.stage());
        return Rehearsal::finalise();
    });
}

// All steps of an update, each with less than it needs at first.
void update_with_little(Scarce what, std::uint64_t more_for_fetch, std::uint64_t more) {
    Rehearsal rehearsal;
    CHECK(fill_in(rehearsal, {{"1"}}, what, more_for_fetch, [&] { return fetch(rehearsal); }) > 1);
    rehearsal.fetch_undisturbed();
    CHECK(fill_in(rehearsal, {{"1"}}, what, more, [&] { return stage(rehearsal); }) > 1);
    CHECK(fill_in(rehearsal, {{"1"}, {"2", "1"}}, what, more, [&] { return stage_and_finalise(rehearsal); }) > 1);
    rehearsal.complete();
}

} // namespace

TEST_CASE("with too little room an update fails in the step that lacks it, and nothing is lost", "[updater][root]") {
    update_with_little(Scarce::kBytes, 16 * kPage, kPage);
}

TEST_CASE("with too few inodes an update fails in the step that lacks them, and nothing is lost", "[updater][root]") {
    constexpr std::uint64_t kFew = 4;
    update_with_little(Scarce::kFiles, kFew, kFew);
}

TEST_CASE("with too little room on /boot an update fails when it is finalised, and nothing is lost",
          "[updater][root]") {
    Rehearsal rehearsal;
    rehearsal.fetch_undisturbed();
    CHECK(fill_in(rehearsal, {{"1"}, {"2", "1"}}, Scarce::kBootBytes, kPage,
                  [&] { return stage_and_finalise(rehearsal); }) > 1);
    rehearsal.complete();
}
