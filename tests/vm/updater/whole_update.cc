// SPDX-License-Identifier: Apache-2.0
#include "tests/vm/updater/whole_update.h"

#include <catch2/catch_test_macros.hpp>
#include <cerrno>
#include <nlohmann/json.hpp>

#include "tests/vm/image/guest.h"
#include "tests/vm/updater/bad_versions.h"
#include "tests/vm/updater/image_release.h"
#include "tests/vm/updater/way_back.h"
#include "updater/health/report.h"

namespace ballast::vm {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char *kNoJournal = updater::health::kNoJournal;

json status(Machine &machine) { return json::parse(said(machine, "ballast status --json")); }
std::string version(Machine &machine) { return said(machine, std::string("cat ") + kNameFile); }

// An operator's check that one version fails, and limits that a test can wait for.
void configure(Machine &machine, const std::string &url) {
    must(machine.run_checked("echo '{\"urls\": [\"" + url +
                             "\"]}' >/etc/ballast/updater.json && "
                             "echo '{\"wait-seconds\": 5, \"settle-seconds\": 1}' >/etc/ballast/health.json && "
                             "cd /etc/ballast/health.d/required.d && printf '#!/bin/sh\\n"
                             "! grep -q unloved " +
                             std::string(kNameFile) + "\\n' >50-test && chmod 755 50-test"));
}

// Killed in the middle of an operation, by whom systemd starts again at the next call: who asked hears of it, and what
// follows starts from what is there.
void kill_while_it_updates(Machine &machine) {
    const Completed killed = must(
        machine.run("ballast upgrade & asked=$!; until busctl get-property org.ballast.Updater1 /org/ballast/Updater1 "
                    "org.ballast.Updater1 State | grep -q -e downloading -e staged; do :; done; "
                    "systemctl kill -s KILL ballast-updaterd; wait $asked"));
    INFO(killed.output << killed.errors);
    CHECK((killed.status == 1 || killed.output.contains("is ready")));
    const std::string state = status(machine)["state"];
    CHECK((state == "idle" || state == "staged"));
}

// Restarts the machine by `command`, whose connection ends when it likes.
void restart_by(Machine &machine, const std::string &command) {
    const Result<Completed> asked = machine.run(command);
    if (asked.has_value() || asked.error().code != ECONNRESET) {
        const Completed completed = must(asked);
        INFO(command << ": " << completed.output << completed.errors);
        constexpr int kSshFailed = 255;
        REQUIRE((completed.status == 0 || completed.status == kSshFailed));
    }
    must(machine.wait_for_next_boot());
}

// With another kernel argument, which later versions carry on.
void take_second_version(Machine &machine, Release &release, const std::string &argument) {
    must(wait_until_good(machine));
    configure(machine, must(machine.serve(release.directory())));
    const std::string image = build_record().version;
    CHECK(status(machine)["running"]["version"] == image);

    const std::string second = must(release.publish("99.2", named("second")));
    CHECK(said(machine, "ballast upgrade --check") == "99.2 is available");
    must(machine.run_checked("echo kept >/etc/ballast-test && echo kept >/var/lib/ballast-test"));
    kill_while_it_updates(machine);
    must(machine.run_checked("ballast upgrade"));
    restart_by(machine, "ballast kargs --append " + argument + " --reboot");
    CHECK(version(machine) == "second");
    CHECK((" " + said(machine, "cat /proc/cmdline") + " ").contains(" " + argument + " "));
    CHECK(said(machine, "cat /etc/ballast-test /var/lib/ballast-test") == "kept\nkept");
    must(wait_until_good(machine));
    CHECK(status(machine)["state"] == "idle");
    CHECK(status(machine)["running"]["checksum"] == second);
    CHECK(said(machine, "ballast history").contains("updated 99.2: from " + image));
}

enum class Starts { kAll, kOne };

// A version that does not work is taken, and given up for `why`.
void come_back(Machine &machine, Release &release, const std::string &number, const LayOver &bad,
               const std::string &why, Starts starts) {
    INFO(number);
    const std::string here = must(deployment_of(machine));
    const std::string boot = machine.boot_id();
    const std::string checksum = status(machine)["running"]["checksum"];
    const std::string refused = must(release.publish(number, bad));
    must(machine.run_checked("ballast upgrade"));
    // "ostree-CHECKSUM.SERIAL-RECIPE": the kernel arguments are carried on, and so is their recipe.
    const std::string next = "ostree-" + refused + ".0" + here.substr(here.rfind('-'));
    if (starts == Starts::kOne) {
        leave_one_start(machine, next);
    }
    (void)machine.run("systemctl reboot --no-block"); // its connection ends when it likes
    must(wait_for_deployment(machine, here, boot));
    CHECK(version(machine) == "second");
    must(wait_until_good(machine));
    const std::string counted = said(machine, "grep -a -e ^trial= -e ^tries= /boot/grub2/grubenv");
    CHECK(counted.contains("trial=" + next));
    CHECK(counted.contains("tries=0"));
    const json back = status(machine);
    CHECK(back["state"] == "rolled-back");
    CHECK(back["running"]["checksum"] == checksum);
    const json &last = back["rolled-back"].back();
    CHECK(last["checksum"] == refused);
    CHECK(last["reason"].get<std::string>().contains(why));
    CHECK(said(machine, "ballast status").contains(why));
    CHECK(said(machine, "ballast upgrade").contains(number + " was given up here before"));
    for (const json &deployment : back["deployments"]) {
        CHECK(deployment["checksum"] != refused);
    }
}

void take_seventh_version(Machine &machine, Release &release) {
    must(release.publish("99.7", named("seventh")));
    restart_by(machine, "ballast upgrade --reboot");
    CHECK(version(machine) == "seventh");
    must(wait_until_good(machine));
    CHECK(status(machine)["state"] == "idle");
}

// From the seventh version to the second.
void roll_back(Machine &machine) {
    must(machine.run_checked("ballast rollback"));
    must(machine.reboot());
    must(wait_until_good(machine));
    CHECK(version(machine) == "second");
    CHECK(status(machine)["running"]["version"] == "99.2");
    CHECK(status(machine)["state"] == "idle");
    CHECK(said(machine, "ballast upgrade").contains("an operator went back from it"));
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
}

} // namespace

void update_through_a_panic() {
    Release release = release_beside_the_image();
    MachineOptions options = image_options();
    options.panic_is_fatal = false;
    Machine machine = must(Machine::from_snapshot(options));
    take_second_version(machine, release, "ballast.test=1");
    come_back(machine, release, "99.3", panicking(release), kNoJournal, Starts::kOne);
    take_seventh_version(machine, release);
    roll_back(machine);
}

void update_through_bad_versions(Firmware firmware) {
    Release release = release_beside_the_image();
    MachineOptions options = image_options();
    options.firmware = firmware;
    options.panic_is_fatal = false;
    Machine machine = must(Machine::boot(options));
    CHECK(must(machine.run("setpriv --reuid=nobody --clear-groups ballast status")).status == 1);
    take_second_version(machine, release, "rd.timeout=20"); // so that what hangs does not take long

    come_back(machine, release, "99.3", panicking(release), kNoJournal, Starts::kAll);
    come_back(machine, release, "99.4", hanging(release), kNoJournal, Starts::kOne);
    come_back(machine, release, "99.5", without_engine(), "health check engine", Starts::kOne);
    come_back(machine, release, "99.6", named("unloved"), "health check required.d/50-test", Starts::kOne);
    take_seventh_version(machine, release);
    roll_back(machine);
}

} // namespace ballast::vm
