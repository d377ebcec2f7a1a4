// SPDX-License-Identifier: Apache-2.0
#include "updater/live_host.h"

#include <algorithm>
#include <chrono>
#include <unistd.h>

#include "base/file_io.h"
#include "base/quote.h"
#include "base/subprocess.h"
#include "updater/boot_result.h"
#include "updater/failed_boot.h"
#include "updater/fleet_lock.h"
#include "updater/grub_environment.h"
#include "updater/space.h"
#include "updater/writable_mount.h"

namespace ballast::updater {
namespace {

namespace fs = std::filesystem;

// Directories, links and /etc of a deployment, and libostree's own temporary files.
constexpr std::uint64_t kDeploymentBytes = 48ULL << 20;
constexpr std::uint64_t kDeploymentFiles = 8192;
constexpr std::uint64_t kBootSpare = 1ULL << 20; // entries and menu

constexpr const char *kDrainPrograms = "/etc/ballast/drain.d";
const fs::path kGrubenv = "grub2/grubenv"; // below /boot

std::uint64_t tree_bytes(const fs::path &directory) {
    std::uint64_t bytes = 0;
    std::error_code error;
    for (fs::recursive_directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        std::error_code ignored;
        if (at->is_regular_file(ignored) && !at->is_symlink(ignored)) {
            bytes += fs::file_size(at->path(), ignored);
        }
    }
    return error ? 0 : bytes;
}

// Sizes of what is below /boot/ostree: kernel and initramfs of each deployment, or of several that share them.
std::vector<std::uint64_t> kernel_sizes(const fs::path &boot) {
    std::vector<std::uint64_t> sizes;
    std::error_code error;
    for (fs::directory_iterator at(boot / "ostree", error), end; !error && at != end; at.increment(error)) {
        sizes.push_back(tree_bytes(at->path()));
    }
    return sizes;
}

// Not in our own sandbox, and it goes on when we are killed: who asks again meanwhile waits for the same.
Status run_drain(const char *what) {
    const std::string unit = std::string("ballast-drain@") + what + ".service";
    const Completed done = TRY(run({.arguments = {"systemctl", "start", unit}}));
    return done.status == 0 ? Status() : fail(EAGAIN, unit + " failed: journalctl -u " + unit + " shows why");
}

} // namespace

std::int64_t LiveHost::now() {
    return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch())
        .count();
}

Source LiveHost::source() const {
    return {.urls = config_.urls,
            .proxy = config_.proxy,
            .authorities = config_.tls.authorities,
            .certificate = config_.tls.certificate,
            .key = config_.tls.key,
            .keyrings = config_.keys};
}

Result<std::vector<Deployment>> LiveHost::deployments() {
    Sysroot sysroot = TRY(Sysroot::open(places_.sysroot));
    return sysroot.deployments();
}

Result<BootFacts> LiveHost::boot_facts() {
    BootFacts facts;
    const std::string running = running_deployment(TRY(read_file(places_.command_line))).value_or("");
    facts.running = deployment_name(running);
    const Result<GrubEnvironment> environment = read_environment(places_.boot / kGrubenv);
    if (!environment.has_value()) {
        const bool empty = environment.error().code == ENOENT || environment.error().code == EINVAL;
        return empty ? Result<BootFacts>(facts) : std::unexpected(environment.error());
    }
    const std::string good = environment->get("good").value_or("");
    facts.good = deployment_name(good);
    if (good != running && facts.good == facts.running) {
        facts.good.clear(); // the same deployment with other kernel arguments has not proven itself
    }
    facts.trial = deployment_name(environment->get("trial").value_or(""));
    const std::string tries = environment->get("tries").value_or("");
    if (tries.size() == 1 && tries[0] >= '0' && tries[0] <= '9') {
        facts.tries = tries[0] - '0';
    }
    return facts;
}

Result<Offer> LiveHost::look(const std::string &target, std::stop_token stop) {
    if (!config_.mistake.empty()) {
        return fail(EINVAL, config_.mistake);
    }
    Sysroot sysroot = TRY(Sysroot::open(places_.sysroot));
    return sysroot.look(source(), target, now(), std::move(stop));
}

// The kernel is copied at shutdown, when nobody can be told: it must fit now. What the new deployment pushes out goes
// first there, but counting on that would take the fallback away; so it is room beside all that is there.
Status LiveHost::check_boot_room(const Offer &offer) {
    std::uint64_t needed = offer.boot_bytes;
    if (needed == 0) { // the commit does not say: as large as the largest that is there
        const std::vector<std::uint64_t> sizes = kernel_sizes(places_.boot);
        needed = sizes.empty() ? 0 : *std::ranges::max_element(sizes);
    }
    return check_room(places_.boot, {.bytes = needed + kBootSpare, .files = 8}, TRY(room_at(places_.boot)));
}

Status LiveHost::pull(const Offer &offer, const std::function<void(const PullProgress &)> &watch,
                      std::stop_token stop) {
    Sysroot sysroot = TRY(Sysroot::open(places_.sysroot));
    TRY(sysroot.clean_up().within("remove leftovers"));
    const Room needed{.bytes = offer.disk_bytes + kDeploymentBytes, .files = offer.objects + kDeploymentFiles};
    TRY(check_room(places_.sysroot.sysroot, needed, TRY(room_at(places_.sysroot.sysroot / "ostree/repo"))));
    TRY(check_boot_room(offer));
    TRY(make_directories(places_.state, 0700));
    Reservation reservation = TRY(Reservation::make(places_.state / "reserved", needed.bytes));
    return sysroot.pull(
        source(), offer,
        [&](const PullProgress &progress) {
            // Objects take their room from what was kept for them.
            const double part = progress.total_objects == 0 ? 1.0
                                                            : static_cast<double>(progress.objects) /
                                                                  static_cast<double>(progress.total_objects);
            const double left = std::max(0.0, 1.0 - part) * static_cast<double>(offer.disk_bytes);
            reservation.shrink_to(static_cast<std::uint64_t>(left));
            watch(progress);
        },
        std::move(stop));
}

Status LiveHost::deploy(const Deploying &deploying) { return TRY(Sysroot::open(places_.sysroot)).deploy(deploying); }
Status LiveHost::make_first(const std::string &name) { return TRY(Sysroot::open(places_.sysroot)).make_first(name); }
Status LiveHost::remove(const std::string &name) { return TRY(Sysroot::open(places_.sysroot)).remove(name); }
Status LiveHost::clean_up() { return TRY(Sysroot::open(places_.sysroot)).clean_up(); }
Status LiveHost::pin(const std::string &name, bool pinned) {
    return TRY(Sysroot::open(places_.sysroot)).pin(name, pinned);
}

Status LiveHost::forget_trial() {
    const fs::path grubenv = places_.boot / kGrubenv;
    Status status = updater::forget_trial(grubenv);
    if (status.has_value() || status.error().code != EROFS) {
        return status;
    }
    const WritableMount writable = TRY(WritableMount::acquire(grubenv.parent_path()));
    return updater::forget_trial(grubenv);
}

Evidence LiveHost::evidence(const std::string &name) { return look_at_failed_boots(name); }

Status LiveHost::reboot() {
    (void)TRY(run_checked({.arguments = {"systemctl", "reboot"}, .timeout = std::chrono::minutes(1)}));
    return {};
}

Result<WindowView> LiveHost::windows() { return look_at_windows(config_.windows, now()); }

Status LiveHost::take_lock() { return FleetLock(config_.lock, config_.tls, TRY(machine_lock_id())).acquire(); }
bool LiveHost::has_drain() {
    std::error_code error; // a directory that is not there is an empty one
    for (fs::directory_iterator at(kDrainPrograms, error), end; !error && at != end; at.increment(error)) {
        if (at->is_regular_file(error) && ::access(at->path().c_str(), X_OK) == 0) {
            return true;
        }
    }
    return false;
}
Status LiveHost::drain() { return run_drain("drain"); }
Status LiveHost::resume() {
    // It may go on since we were killed.
    (void)TRY(run_checked({.arguments = {"systemctl", "stop", "ballast-drain@drain.service"}}));
    return run_drain("resume");
}
Status LiveHost::give_lock_back() { return FleetLock(config_.lock, config_.tls, TRY(machine_lock_id())).release(); }

} // namespace ballast::updater
