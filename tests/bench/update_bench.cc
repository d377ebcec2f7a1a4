// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/update_bench.h"

#include <algorithm>
#include <cstdio>
#include <format>
#include <random>

#include "base/file_io.h"
#include "tests/bench/bench_machine.h"
#include "tests/bench/our_image.h"
#include "tests/bench/peer_runtime.h"
#include "tests/bench/report.h"
#include "tests/bench/stopwatch.h"
#include "tests/bench/update_report.h"
#include "tests/images/sources.h"
#include "tests/vm/machine.h"
#include "tests/vm/updater/bad_versions.h"
#include "tests/vm/updater/way_back.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;
using vm::Machine;
using vm::Release;

constexpr int kRounds = 10;
constexpr double kMegabyte = 1e6;
constexpr double kMillisecondsInSecond = 1000;
constexpr const char *kPlace = "/var/lib/ballast-bench";

// The programs of Debian's openssh-server as another build of it: of each few bytes one is another, as addresses are.
vm::LayOver changed_package(const Release &release, int number) {
    return [&release, number](const fs::path &root) -> Status {
        constexpr std::size_t kEvery = 16; // on average
        std::mt19937 random(static_cast<unsigned>(number));
        for (const char *program : {"/usr/sbin/sshd", "/usr/lib/openssh/sshd-session", "/usr/lib/openssh/sshd-auth"}) {
            std::string content = TRY(release.content(program));
            for (std::size_t at = 0; at < content.size(); at += 1 + random() % (2 * kEvery)) {
                content[at] = static_cast<char>(random());
            }
            const fs::path file = root.string() + program;
            TRY(make_directories(file.parent_path()));
            TRY(write_file(file, content));
        }
        return {};
    };
}

class Updates {
  public:
    Updates(const Settings &settings, EngineSamples &samples) : settings_(settings), samples_(samples) {}

    Status measure_delta();
    Status measure_returns();

  private:
    struct Pair {
        Release release;
        Machine machine;
    };
    // A machine of that image, and a repository that it updates from.
    Result<Pair> start(const std::string &variant) const {
        const BuildOfImage build = TRY(build_of_image(settings_, variant));
        Release release = TRY(Release::create(settings_.output / "repo", build.commit, build.ref, settings_.cache));
        vm::MachineOptions options = TRY(machine_of(settings_, variant, fs::path("update") / variant));
        options.panic_is_fatal = false;
        Machine machine = TRY(Machine::boot(std::move(options)).within("boot " + variant));
        TRY(wait_until_good(machine));
        const std::string url = TRY(machine.serve(release.directory()));
        (void)TRY(machine.run_checked("echo '{\"urls\": [\"" + url + "\"]}' >/etc/ballast/updater.json"));
        return Pair{.release = std::move(release), .machine = std::move(machine)};
    }

    std::string next_version() { return std::format("99.{}", ++version_); }

    void take(const std::string &key, double value) {
        samples_.samples[key].push_back(value);
        std::fprintf(stderr, "%s %zu, %.1f\n", key.c_str(), samples_.samples[key].size(), value);
    }

    Status measure_staging(Machine &machine, const std::string &key) {
        Stopwatch watch;
        (void)TRY(machine.run_checked("ballast upgrade"));
        take(key, watch.lap() / kMillisecondsInSecond);
        return {};
    }

    Status measure_return(Pair &pair, const std::string &kind, const vm::LayOver &bad);

    const Settings &settings_;
    EngineSamples &samples_;
    int version_ = 0;
};

Status Updates::measure_delta() {
    const fs::path image = settings_.output / "images/ballast-cloud.raw.zst";
    Pair pair = TRY(start("cloud"));
    take("image", static_cast<double>(fs::file_size(image)) / kMegabyte);
    for (int round = 0; round < settings_.rounds_or(kRounds); ++round) {
        const std::string commit = TRY(pair.release.publish(next_version(), changed_package(pair.release, 2 * round)));
        take("delta", static_cast<double>(TRY(pair.release.make_delta(commit))) / kMegabyte);
        TRY(measure_staging(pair.machine, "staged"));
        (void)TRY(pair.release.publish(next_version(), changed_package(pair.release, 2 * round + 1)));
        TRY(measure_staging(pair.machine, "fetched"));
    }
    return {};
}

// From the order to restart until the workload runs again, in the version before.
Status Updates::measure_return(Pair &pair, const std::string &kind, const vm::LayOver &bad) {
    Machine &machine = pair.machine;
    const std::string here = TRY(deployment_of(machine)), boot = machine.boot_id();
    (void)TRY(pair.release.publish(next_version(), bad));
    (void)TRY(machine.run_checked("ballast upgrade"));
    Stopwatch watch;
    (void)machine.run("systemctl reboot --no-block"); // its connection ends when it likes
    TRY(wait_for_deployment(machine, here, boot));
    (void)TRY(machine.run_checked(
        "until test \"$(docker inspect -f '{{.State.Running}}' workload)\" = true; do sleep 0.2; done"));
    take("back after " + kind, watch.lap() / kMillisecondsInSecond);
    return wait_until_good(machine);
}

Status Updates::measure_returns() {
    Pair pair = TRY(start("test"));
    TRY(pair.machine.copy_in(images::own_directory() / "payload", fs::path(kPlace) / "payload"));
    (void)TRY(pair.machine.run_checked(
        import_payload(kPlace) + "docker run -d --name workload --restart always bench /payload sleep >/dev/null\n" +
        "cd /etc/ballast/health.d/required.d && printf '#!/bin/sh\\n! grep -q unloved " + std::string(vm::kNameFile) +
        "\\n' >50-bench && chmod 755 50-bench"));
    for (int round = 0; round < settings_.rounds_or(kRounds); ++round) {
        TRY(measure_return(pair, kPanic, vm::panicking(pair.release)));
        TRY(measure_return(pair, kHang, vm::hanging(pair.release)));
        TRY(measure_return(pair, kNoEngine, vm::without_engine()));
        TRY(measure_return(pair, kUnloved, vm::named("unloved")));
    }
    return {};
}

} // namespace

Status bench_update(const Settings &settings) {
    TRY(make_directories(settings.results()));
    TRY(remove_tree(settings.logs() / "update"));
    EngineSamples samples{.name = "ballast"};
    Updates updates(settings, samples);
    for (const auto &[part, measure] :
         {std::pair{"delta", &Updates::measure_delta}, std::pair{"returns", &Updates::measure_returns}}) {
        if (settings.parts.empty() || std::ranges::contains(settings.parts, part)) {
            TRY((updates.*measure)().within(part));
        }
    }
    const Report report{.bench = "update", .peer = "the compressed image", .results = compare_updates(samples)};
    const fs::path file = settings.results() / "update.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n%s\n%s\n", table(report).c_str(), update_remarks(samples).c_str(), file.c_str());
    return {};
}

} // namespace ballast::bench
