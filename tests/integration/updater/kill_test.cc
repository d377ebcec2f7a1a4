// SPDX-License-Identifier: Apache-2.0
// An update by the real libostree, killed in each of its steps before any of its changes to a file system.
// BALLAST_UPDATE_KILLS: how often in each step, spread evenly over its changes (3 by default).
#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>

#include "tests/integration/updater/booted.h"
#include "tests/integration/updater/killed_at.h"
#include "tests/integration/updater/rehearsal.h"
#include "tests/unit/setting.h"

using namespace ballast;
using namespace ballast::updater;
using namespace ballast::updater_test;

namespace {

std::size_t kills_each() { return setting("BALLAST_UPDATE_KILLS", 3); }

// `act`, in a child that is killed, is the step; `allowed`, the deployments that may be there afterwards.
void kill_in(Rehearsal &rehearsal, const std::string &step, const std::set<Versions> &allowed,
             const std::function<int()> &act) {
    rehearsal.keep();
    const Lived whole = must(run_killed_at(kNever, act));
    INFO(step);
    REQUIRE(whole.status == 0);
    REQUIRE(whole.changes > 0);
    const std::size_t kills = std::min(kills_each(), whole.changes);
    std::map<std::string, std::size_t> found;
    for (std::size_t kill = 0; kill < kills; kill++) {
        const std::size_t change = 1 + kill * (whole.changes - 1) / std::max<std::size_t>(1, kills - 1);
        INFO("killed at change " << change << " of " << whole.changes);
        rehearsal.put_back();
        must(run_killed_at(change, act));
        rehearsal.check_bootable(allowed);
        found[rehearsal.world().versions().front()]++;
        rehearsal.complete();
    }
    std::cout << step << ": " << whole.changes << " changes, killed at " << kills << "; the next start finds";
    for (const auto &[version, count] : found) {
        std::cout << " version " << version << " " << count << " times";
    }
    std::cout << "\n";
    rehearsal.put_back();
}

int counted(const Status &status) { return status.has_value() ? 0 : 1; }

} // namespace

TEST_CASE("killed anywhere in an update, the next start finds one whole system, and the next attempt makes the other",
          "[updater][root]") {
    Rehearsal rehearsal;
    const World &world = rehearsal.world();
    kill_in(rehearsal, "fetch", {{"1"}}, [&] {
        count_from_here();
        return counted(rehearsal.fetch());
    });
    rehearsal.fetch_undisturbed();
    kill_in(rehearsal, "stage", {{"1"}}, [&] {
        return on_running(world, [&] {
            count_from_here();
            return rehearsal.stage();
        });
    });
    kill_in(rehearsal, "finalise", {{"1"}, {"2", "1"}}, [&] {
        return on_running(world, [&]() -> Status {
            TRY(rehearsal.stage());
            count_from_here();
            return Rehearsal::finalise();
        });
    });
    rehearsal.complete();
    kill_in(rehearsal, "remove the old", {{"2", "1"}, {"2"}}, [&] {
        count_from_here();
        Sysroot sysroot = world.open();
        return counted(sysroot.remove(must(sysroot.deployments())[1].name()));
    });
}
