// SPDX-License-Identifier: Apache-2.0
// Power cuts at every flush of a whole update. BALLAST_POWER_STATES: how many of the states are judged, spread evenly
// (all of them by default); BALLAST_POWER_BOOTS: how many of those are booted (20); BALLAST_POWER_SEED repeats the
// choice of what is torn; BALLAST_POWER_RECORDING: a directory where the recording is kept, or taken from when it is
// there.
#include <catch2/catch_test_macros.hpp>
#include <cstdlib>
#include <format>
#include <iostream>
#include <map>
#include <random>
#include <sys/mount.h>

#include "base/digest.h"
#include "base/file_io.h"
#include "tests/chaos/power/disk_states.h"
#include "tests/chaos/power/judge.h"
#include "tests/chaos/power/recording.h"
#include "tests/unit/setting.h"
#include "tests/vm/image/guest.h"
#include "tests/vm/updater/image_release.h"
#include "tests/vm/updater/way_back.h"

using namespace ballast;
using namespace ballast::power;
using namespace ballast::vm;

namespace {

namespace fs = std::filesystem;

// What came of the states of one step.
struct Step {
    std::size_t boundaries = 0, judged = 0, booted = 0;
    std::map<std::string, std::size_t> started; // by the deployment that GRUB takes
};
// The machine comes up with what the judge says, and the next attempt repairs what is left.
void boot(const fs::path &disk, const Verdict &verdict, const Release &release) {
    MachineOptions options = image_options("power-cut");
    options.image = disk;
    Machine machine = must(Machine::boot(options));
    CHECK(must(deployment_of(machine)) == verdict.starts);
    must(wait_until_good(machine));
    for (const std::string &file : kKept) {
        CHECK(said(machine, "cat " + file) == "kept");
    }
    const std::string url = must(machine.serve(release.directory()));
    must(machine.run_checked("echo '{\"urls\": [\"" + url + "\"]}' >/etc/ballast/updater.json && ballast upgrade"));
    CHECK(said(machine, "ballast status").contains(kSecondVersion));
    CHECK(said(machine, "systemctl is-system-running --wait") == "running");
}

void print(const std::string &name, const Step &step) {
    std::string started;
    for (const auto &[id, count] : step.started) {
        started += std::format("  {}: {}", id.substr(0, id.find('-') + 9), count);
    }
    std::cout << std::format("{:<10} {:>10} {:>8} {:>8}{}\n", name.empty() ? "before" : name, step.boundaries,
                             step.judged, step.booted, started)
              << std::flush;
}

// A directory in memory: a disk that is judged is flushed all the time.
class Memory {
  public:
    explicit Memory(fs::path directory) : directory_(std::move(directory)) {
        must(make_directories(directory_));
        REQUIRE(::mount("tmpfs", directory_.c_str(), "tmpfs", 0, "size=6g,mode=0700") == 0); // disks with holes
    }
    Memory(Memory &&) = delete;
    Memory &operator=(Memory &&) = delete;
    ~Memory() { (void)::umount2(directory_.c_str(), MNT_DETACH); }
    const fs::path &path() const { return directory_; }

  private:
    fs::path directory_;
};

} // namespace

TEST_CASE("power may fail at every flush of an update, and nothing is lost", "[vm]") {
    const TemporaryDirectory scratch = must(TemporaryDirectory::create("/var/cache/ballast/tmp", "power-cuts-"));
    Release release = release_beside_the_image();
    const char *kept = std::getenv("BALLAST_POWER_RECORDING"); // NOLINT(concurrency-mt-unsafe): nobody calls setenv
    const Recording recording = must(recorded_update(release, kept == nullptr ? scratch.path() : fs::path(kept)));
    const WriteLog log = must(WriteLog::open(recording.log));
    const std::vector<Interval> intervals = must(intervals_of(log));
    const Memory memory(scratch.path() / "memory");
    const fs::path disk = memory.path() / "state.raw";
    (void)must(copy_differences(recording.start, disk));
    Judge judge(disk, memory.path(), kKept);
    must(judge.learn(recording.start));
    must(judge.learn(recording.end));
    DiskStates states = must(DiskStates::open(log, disk));

    // A disk that forgets what it has flushed is found out.
    const std::uint64_t seed = setting("BALLAST_POWER_SEED", std::random_device()());
    must(states.show_torn({.first = 0, .last = log.requests().size(), .step = ""}, seed));
    CHECK_FALSE(must(judge.judge()).complaints.empty());

    const std::size_t all = intervals.size() * 2;
    const std::size_t every = std::max<std::size_t>(1, all / setting("BALLAST_POWER_STATES", all));
    const std::size_t boots = setting("BALLAST_POWER_BOOTS", 20);
    const std::size_t every_boot = std::max<std::size_t>(1, all / every / std::max<std::size_t>(1, boots));
    std::cout << std::format("{:<10} {:>10} {:>8} {:>8}  GRUB starts (seed {})\n", "step", "boundaries", "judged",
                             "booted", seed)
              << std::flush;
    std::size_t number = 0, judged = 0, booted = 0;
    std::string name;
    Step step;
    for (const Interval &interval : intervals) {
        if (interval.step != name) {
            print(name, step);
            name = interval.step;
            step = {};
        }
        step.boundaries++;
        for (const bool torn : {false, true}) {
            if (number++ % every != 0) {
                continue;
            }
            INFO(std::format("step {}, request {}{}, seed {}", interval.step, interval.first, torn ? ", torn" : "",
                             seed));
            must(torn ? states.show_torn(interval, seed + number) : states.show_dropped(interval));
            const Verdict verdict = must(judge.judge());
            CHECK(verdict.complaints == std::vector<std::string>());
            step.judged++;
            step.started[verdict.starts]++;
            if (judged++ % every_boot == 0 && booted < boots) {
                boot(disk, verdict, release);
                step.booted++;
                booted++;
            }
        }
    }
    print(name, step);
    must(states.show_dropped({.first = log.requests().size(), .last = log.requests().size(), .step = "end"}));
    const Verdict end = must(judge.judge()); // the rebuilt disk is the machine's own
    CHECK(end.complaints == std::vector<std::string>());
    CHECK(must(sha256_file(disk)) == must(sha256_file(recording.end)));
}
