// SPDX-License-Identifier: Apache-2.0
// Kills at the named steps of an update, in a machine that goes on after each. BALLAST_MACHINE_KILLS: how many (6 by
// default, those that stand first in the table; the table begins anew at its end); BALLAST_MACHINE_SEED repeats the
// moments within the steps.
#include <array>
#include <format>
#include <iostream>
#include <nlohmann/json.hpp>
#include <random>

#include "tests/unit/setting.h"
#include "tests/vm/image/guest.h"
#include "tests/vm/updater/bad_versions.h"
#include "tests/vm/updater/image_release.h"
#include "tests/vm/updater/way_back.h"

using namespace ballast;
using namespace ballast::vm;

namespace {

using nlohmann::json;

constexpr const char *kKillAt = "/var/lib/test/kill-at";

// Which boot a step belongs to.
enum class When { kBefore, kShutdown, kAfter };
struct Kill {
    const char *victim, *step;
    When when;
    double longest; // s: that long after the step begins, or less
};
constexpr std::array kKills = {
    Kill{"updater", "fetch", When::kBefore, 4},        Kill{"updater", "stage", When::kBefore, 4},
    Kill{"libostree", "finalise", When::kShutdown, 4}, Kill{"machine", "fetch", When::kBefore, 4},
    Kill{"machine", "finalise", When::kShutdown, 4},   Kill{"machine", "verify", When::kAfter, 2},
    Kill{"updater", "check", When::kBefore, 0.5},      Kill{"updater", "staged", When::kBefore, 1},
    Kill{"updater", "verify", When::kAfter, 2},        Kill{"machine", "check", When::kBefore, 0.5},
    Kill{"machine", "stage", When::kBefore, 4},        Kill{"machine", "staged", When::kBefore, 2},
    Kill{"machine", "restart", When::kShutdown, 0},    Kill{"machine", "boot", When::kAfter, 10},
    Kill{"machine", "good", When::kAfter, 2},          Kill{"libostree", "finalise", When::kShutdown, 1},
    Kill{"machine", "finalise", When::kShutdown, 1},
};

json status(Machine &machine) { return json::parse(said(machine, "ballast status --json")); }

// What the machine carries through everything, and what kills in it.
void prepare(Machine &machine, const Release &release) {
    must(wait_until_good(machine));
    must(machine.run_checked(
        "mkdir -p /var/lib/test && echo kept >/etc/ballast-test && "
        "echo kept >/var/lib/ballast-test && echo '{\"urls\": [\"" +
        must(machine.serve(release.directory())) + "\"]}' >/etc/ballast/updater.json && " +
        "echo '{\"settle-seconds\": 1, \"ignore-units\": [\"kill-at.service\"]}' >/etc/ballast/health.json"));
    const TemporaryDirectory files = must(TemporaryDirectory::create("/var/cache/ballast/tmp", "update-kills-"));
    const auto put = [&](const std::string &text, const std::string &to, mode_t mode) {
        must(write_file(files.path() / "file", text, mode));
        must(machine.run_checked("mkdir -p $(dirname " + to + ")"));
        must(machine.copy_in(files.path() / "file", to));
        must(remove_tree(files.path() / "file"));
    };
    put(checkout_file("tests/chaos/update/kill-at"), kKillAt, 0755);
    put(std::format("[Service]\nExecStop=\nExecStop={} shutdown\n", kKillAt),
        "/etc/systemd/system/ostree-finalize-staged.service.d/90-kill.conf", 0644);
    put(std::format("[Unit]\nDefaultDependencies=no\nAfter=local-fs.target dbus.service\n[Service]\nExecStart={} boot\n"
                    "[Install]\nWantedBy=basic.target\n",
                    kKillAt),
        "/etc/systemd/system/kill-at.service", 0644);
    must(machine.run_checked("systemctl daemon-reload && systemctl enable kill-at.service"));
}

// Until the machine is in a later boot than that in which kill-at fired.
void wait_for_boot_after_fired(Machine &machine) {
    constexpr int kMostBoots = 5;
    for (int boots = 0; boots < kMostBoots; boots++) {
        must(machine.wait_for_next_boot());
        const Result<Completed> fired = machine.run("cat /var/lib/test/fired", std::chrono::minutes(1));
        if (fired.has_value() && fired->status == 0 && fired->output != machine.boot_id() + "\n") {
            return;
        }
    }
    FAIL("the machine was not reset after the restart");
}

class Rounds {
  public:
    Rounds() : release_(release_beside_the_image()), machine_(must(Machine::from_snapshot(image_options()))) {
        prepare(machine_, release_);
    }

    // One update, the kill in its middle, and the update that comes after.
    void run(const Kill &kill, double delay) {
        const std::string version = std::format("99.{}", ++number_);
        commit_ = must(release_.publish(version, with_own_initramfs(release_, version)));
        before_ = must(deployment_of(machine_));
        order_ = std::format("'{} {} {:.2f} {}'", kill.step, kill.victim, delay, commit_);
        switch (kill.when) {
        case When::kBefore:
            kill_before_restart(kill.victim == std::string("machine"));
            break;
        case When::kShutdown:
            kill_at_shutdown();
            break;
        case When::kAfter:
            kill_after_restart(kill.victim == std::string("machine"));
            break;
        }
        judge(version);
    }

    std::size_t started_new() const { return started_new_; }
    Machine &machine() { return machine_; }

  private:
    void kill_before_restart(bool machine_too) {
        const std::string both = std::string(kKillAt) + " now & ballast upgrade; wait";
        if (!machine_too) { // who asked hears of it
            const Completed killed = must(machine_.run("echo " + order_ + " >/run/test-armed; " + both));
            INFO(killed.output << killed.errors);
            return;
        }
        must(machine_.run_checked("echo " + order_ + " >/run/test-armed; systemd-run --quiet sh -c '" + both + "'"));
        must(machine_.wait_for_next_boot());
    }

    void kill_at_shutdown() {
        must(machine_.run_checked("ballast upgrade && echo " + order_ + " >/run/test-armed"));
        (void)machine_.run("systemctl reboot --no-block"); // its connection ends when it likes
        must(machine_.wait_for_next_boot());
    }

    void kill_after_restart(bool machine_too) {
        must(machine_.run_checked("ballast upgrade && rm -f /var/lib/test/fired && echo " + order_ +
                                  " >/var/lib/test/armed-boot"));
        (void)machine_.run("systemctl reboot --no-block");
        if (machine_too) {
            wait_for_boot_after_fired(machine_);
        } else {
            must(machine_.wait_for_next_boot());
            must(machine_.run_checked("until test -e /var/lib/test/fired && ! systemctl is-active -q kill-at; do "
                                      "sleep 0.5; done"));
        }
    }

    // The old system or the new one runs, whole; the next attempt ends as if nothing had been.
    void judge(const std::string &version) {
        const std::string here = must(deployment_of(machine_));
        const bool is_new = here.contains(commit_);
        CHECK((is_new || here == before_));
        started_new_ += is_new ? 1 : 0;
        must(wait_until_good(machine_));
        CHECK(said(machine_, "cat /etc/ballast-test /var/lib/ballast-test") == "kept\nkept");
        const std::string state = status(machine_)["state"];
        INFO("it is " << state);
        CHECK((state == "idle" || state == "staged" || state == "verifying"));
        must(machine_.run_checked("ballast upgrade"));
        const json after = status(machine_);
        CHECK(after["state"] == (is_new ? "idle" : "staged"));
        CHECK(after[is_new ? "running" : "next"]["version"] == version);
        check_says_nothing(machine_, "systemctl --failed --no-legend --plain");
    }

    Release release_;
    Machine machine_;
    int number_ = 1;
    std::string commit_, before_, order_;
    std::size_t started_new_ = 0;
};

} // namespace

TEST_CASE("an update that is killed at any step leaves a system, and the next attempt ends it", "[vm]") {
    const std::uint64_t seed = setting("BALLAST_MACHINE_SEED", std::random_device()());
    const std::size_t kills = setting("BALLAST_MACHINE_KILLS", 6);
    std::mt19937_64 random(seed);
    std::cout << "seed " << seed << "\n";
    Rounds rounds;
    for (std::size_t i = 0; i < kills; i++) {
        const Kill &kill = kKills.at(i % kKills.size());
        const double delay = std::uniform_real_distribution<>(0, kill.longest)(random);
        INFO(std::format("kill {}: {} in step {}, {:.2f} s after it began; seed {}", i + 1, kill.victim, kill.step,
                         delay, seed));
        const std::size_t new_before = rounds.started_new();
        rounds.run(kill, delay);
        std::cout << std::format("{:<10} killed in {:<9} after {:.2f} s: the {} system\n", kill.victim, kill.step,
                                 delay, rounds.started_new() > new_before ? "new" : "old")
                  << std::flush;
    }
    Machine &machine = rounds.machine();
    must(machine.reboot());
    must(wait_until_good(machine));
    CHECK(status(machine)["running"]["version"] == std::format("99.{}", kills + 1));
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
    must(machine.run_checked("ballast cleanup && ostree fsck --quiet"));
    CHECK(said(machine, "find /boot/ostree -mindepth 1 -maxdepth 1 | wc -l") == "2"); // nothing is left behind
}
