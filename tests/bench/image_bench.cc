// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/image_bench.h"

#include <algorithm>
#include <cstdio>
#include <format>

#include "base/file_io.h"
#include "tests/bench/boots.h"
#include "tests/bench/our_image.h"
#include "tests/bench/peer.h"
#include "tests/bench/peer_image.h"
#include "tests/bench/report.h"
#include "tests/vm/accelerator.h"

namespace ballast::bench {
namespace {

namespace fs = std::filesystem;

// What the image may cost, as a share of the peer's.
constexpr double kSizeBudget = 0.75, kBootBudget = 0.7, kIdleBudget = 0.5;
constexpr std::size_t kListed = 10;
constexpr double kMegabyte = 1e6;

struct Part {
    const char *name;
    double BootParts::*seconds;
};
constexpr Part kParts[] = {
    {"firmware and boot loader", &BootParts::loader},
    {"kernel", &BootParts::kernel},
    {"initrd", &BootParts::initrd},
    {"userspace", &BootParts::userspace},
    {"report", &BootParts::report},
};

Summary megabytes(std::uint64_t bytes) { return summarize({static_cast<double>(bytes) / kMegabyte}); }

Summary part_of(const std::vector<BootParts> &boots, const Part &part) {
    std::vector<double> seconds;
    std::ranges::transform(boots, std::back_inserter(seconds),
                           [&part](const BootParts &boot) { return boot.*part.seconds; });
    return summarize(std::move(seconds));
}

Report report_of(const Peer &peer, const Contender &ours, const Contender &theirs, const BootResults &boots) {
    Report report{.bench = "image", .peer = peer.name, .results = {}};
    report.results = {
        {"compressed tree", megabytes(ours.tree_bytes), megabytes(theirs.tree_bytes), "MB", kSizeBudget},
        {"compressed disk", megabytes(ours.disk_bytes), megabytes(theirs.disk_bytes), "MB"},
        {"first boot", summarize(boots.ours.first), summarize(boots.theirs.first), "s", kBootBudget},
        {"later boot", summarize(boots.ours.later), summarize(boots.theirs.later), "s", kBootBudget},
        {"idle memory", summarize(boots.ours.idle_mib), summarize(boots.theirs.idle_mib), "MiB", kIdleBudget},
    };
    for (const Part &part : kParts) {
        report.results.push_back({std::string("later boot: ") + part.name, part_of(boots.ours.parts, part),
                                  part_of(boots.theirs.parts, part), "s"});
    }
    return report;
}

void print_list(const char *title, const std::vector<std::string> &lines) {
    std::printf("\n%s\n", title);
    for (const std::string &line : lines) {
        std::printf("  %s\n", line.c_str());
    }
}

// Of runs that were killed: the lock says that nobody works there now.
Result<FileLock> begin(const Settings &settings) {
    for (const fs::path &directory : {settings.results(), settings.kept()}) {
        TRY(make_directories(directory));
    }
    FileLock lock = TRY(FileLock::acquire(settings.kept() / "lock"));
    TRY(remove_tree(settings.logs()));
    TRY(make_directories(settings.logs()));
    TRY(remove_tree(settings.results() / "scratch"));
    return lock;
}

} // namespace

Status bench_image(const Settings &settings) {
    const Peer peer = TRY(Peer::load(settings.peer_file));
    const FileLock lock = TRY(begin(settings));
    const fs::path scratch = fs::absolute(settings.results() / "scratch");
    TRY(make_directories(scratch));
    const OurImage ours = TRY(take_our_image(settings, scratch));
    const Contender theirs = TRY(make_peer_image(peer, settings));
    const vm::Accelerator accelerator = TRY(vm::working_accelerator(settings.cache / "vm"));
    const BootResults boots = TRY(measure_boots(ours.contender, theirs, settings, scratch));

    const Report report = report_of(peer, ours.contender, theirs, boots);
    std::printf("\n2 processors (%s), 2 GiB, BIOS; medians\n%s",
                accelerator == vm::Accelerator::kKvm ? "KVM" : "emulated", table(report).c_str());
    print_list("our slowest units, later boot", slowest_units(boots.ours.blame, kListed));
    print_list("the peer's", slowest_units(boots.theirs.blame, kListed));
    print_list("biggest packages of our image", biggest_packages(ours.size_report, kListed));
    const fs::path file = settings.results() / "image.json";
    TRY(replace_file(file, json_text(report)));
    std::printf("\n%s\n", file.c_str());
    return remove_tree(scratch);
}

} // namespace ballast::bench
