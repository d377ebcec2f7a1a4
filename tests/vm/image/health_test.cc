// SPDX-License-Identifier: Apache-2.0
// A boot judges itself; a version that does not work gives way to the one before, and its reason is kept.
#include "base/file_io.h"
#include "tests/vm/image/guest.h"
#include "updater/health/report.h"

using namespace ballast;
using namespace ballast::vm;
using updater::health::Outcome;
using updater::health::Report;

namespace {

const std::string kState = updater::health::kStateDirectory;

Report report_in(Machine &machine, const std::string &file) {
    return must(updater::health::parse_report(said(machine, "cat " + file), file));
}

void must_be_well(Machine &machine) {
    const Report report = report_in(machine, kState + "/last.json");
    INFO(format_report(report));
    CHECK(report.outcome == Outcome::kPassed);
}

// A container whose policy starts it again. In the machine's own process namespace, where its program is not a first
// process that a shutdown would have to wait for.
void run_keeper(Machine &machine) {
    must(machine.run_checked("tar -C / -ch lib64/ld-linux-x86-64.so.2 usr/lib/x86_64-linux-gnu/libc.so.6 "
                             "usr/bin/sleep | docker import - keeper"));
    must(machine.run_checked("docker run -d --name keeper --restart always --network none --pid host keeper "
                             "/usr/bin/sleep 100000"));
}

// A check that fails in the bad version, once the test has seen it run.
void require_a_good_version(Machine &machine) {
    must(machine.run_checked("echo '{\"settle-seconds\": 1, \"script-seconds\": 600}' >/etc/ballast/health.json && "
                             "cd /etc/ballast/health.d/required.d && "
                             "printf '#!/bin/sh\\ngrep -q ballast.test=bad /proc/cmdline || exit 0\\n"
                             "until [ -e /run/seen ]; do sleep 1; done\\necho this version is bad\\nexit 3\\n' "
                             ">50-test && chmod 755 50-test"));
}

// Another deployment of the same commit, which says what it is on its command line. Returns its id. It has one start.
std::string deploy_bad_version(Machine &machine) {
    must(machine.run_checked("ostree admin deploy --karg-append=ballast.test=bad ballast:" + build_record().ref +
                             " >/dev/null"));
    std::string id = said(machine, "sed -n 's/^set ballast_newest=//p' /boot/loader/grub.cfg | tr -d \"\\\"'\"");
    leave_one_start(machine, id);
    return id;
}

} // namespace

TEST_CASE("a version whose required check fails gives way to the one before, and says why", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    must_be_well(machine);
    const std::string good = said(machine, "sed -n 's/^good=//p' /boot/grub2/grubenv");
    CHECK(good.contains(build_record().commit));
    run_keeper(machine);
    require_a_good_version(machine);
    const std::string bad = deploy_bad_version(machine);
    REQUIRE(bad.starts_with("ostree-"));
    CHECK(bad != good);

    must(machine.reboot());
    CHECK(must(machine.run("grep -q ballast.test=bad /proc/cmdline")).status == 0);
    must(machine.run_checked("touch /run/seen"));
    must(machine.wait_for_next_boot());
    CHECK(said(machine, "tr ' ' '\\n' </proc/cmdline | sed -n 's/^ballast.deployment=//p'") == good);
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    must_be_well(machine);

    const Report failed = report_in(machine, kState + "/failed/" + bad + ".json");
    CHECK(failed.outcome == Outcome::kRestarting);
    CHECK(failed.on_trial);
    CHECK(failed.tries_left == 0);
    CHECK(failed.version == build_record().version);
    CHECK(reason(failed) == "health check required.d/50-test: exit status 3");
    for (const updater::health::CheckResult &check : failed.checks) {
        INFO(check.name << ": " << check.message);
        CHECK(check.passed == (check.name != "required.d/50-test"));
        if (check.name == "required.d/50-test") {
            CHECK(check.evidence == std::vector<std::string>{"this version is bad"});
        }
        if (check.name == "workloads") {
            CHECK(check.message.starts_with("1 of 1 containers"));
        }
    }
    CHECK(said(machine, "cat /var/lib/ballast-updater/health/baseline.json").contains("\"keeper\""));
    CHECK(said(machine, "stat -c %a " + kState) == "700");
}

TEST_CASE("a failing check on a version that is good already is told, and restarts nothing", "[vm]") {
    Machine machine = booted();
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    must(machine.run_checked("systemctl stop ballastd.socket ballastd.service"));
    must(machine.run_checked("echo '{\"wait-seconds\": 1}' >/etc/ballast/health.json"));
    const Completed run = must(machine.run("/usr/lib/ballast/ballast-health run"));
    CHECK(run.status == 1);
    CHECK(run.output.contains("FAILED  engine"));
    const std::string boot = said(machine, "cat /proc/sys/kernel/random/boot_id");
    CHECK(must(machine.run("systemctl restart ballast-health.service")).status != 0);
    CHECK(report_in(machine, kState + "/last.json").outcome == Outcome::kFailed);
    CHECK(said(machine, "cat /proc/sys/kernel/random/boot_id") == boot);
    CHECK(said(machine, "systemctl list-jobs --no-legend | grep -c reboot || true") == "0");
}
