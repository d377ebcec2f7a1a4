// SPDX-License-Identifier: Apache-2.0
#include "tests/integration/updater/rehearsal.h"

#include <format>
#include <sys/mount.h>
#include <sys/statvfs.h>

#include "base/subprocess.h"
#include "tests/chaos/power/grub_view.h"
#include "tests/integration/updater/booted.h"
#include "tests/integration/updater/killed_at.h"

namespace ballast::updater_test {

namespace fs = std::filesystem;
using updater::Sysroot;

namespace {

void mount_memory(const fs::path &directory) {
    REQUIRE(::mount("none", directory.c_str(), "tmpfs", 0, "size=64m,nr_inodes=100000") == 0);
}

void leave_only(Scarce what, std::uint64_t left, const fs::path &directory) {
    struct statvfs space{};
    REQUIRE(::statvfs(directory.c_str(), &space) == 0);
    const std::string limit = what == Scarce::kFiles
                                  ? std::format("nr_inodes={}", space.f_files - space.f_ffree + left)
                                  : std::format("size={}", (space.f_blocks - space.f_bfree) * space.f_frsize + left);
    REQUIRE(::mount("none", directory.c_str(), "tmpfs", MS_REMOUNT, limit.c_str()) == 0);
}

} // namespace

Rehearsal::Rehearsal() {
    must(write_file(must(world_.open().deployments())[0].directory / "etc/mine", "kept"));
    second_ = world_.commit("2");
}

Rehearsal::~Rehearsal() { take_disk_away(); }

Status Rehearsal::fetch() const {
    Sysroot sysroot = world_.open();
    const updater::Offer offer = TRY(sysroot.look(world_.source(), kRef, kNow));
    return sysroot.pull(world_.source(), offer, {});
}

Status Rehearsal::stage() const {
    Sysroot sysroot = TRY(Sysroot::open({.sysroot = "/", .run = "/run/ballast-updater", .stateroot = "ballast"}));
    return sysroot.deploy({.checksum = second_, .refspec = std::string("ballast:") + kRef});
}

Status Rehearsal::finalise() {
    (void)TRY(run_checked({.arguments = {"ostree", "admin", "finalize-staged"}}));
    return {};
}

void Rehearsal::take_disk_away() {
    if (mounted_) {
        REQUIRE(::umount2(world_.root().c_str(), MNT_DETACH) == 0);
        mounted_ = false;
    }
}

void Rehearsal::keep() {
    must(remove_tree(kept()));
    command({"cp", "-a", world_.root(), kept()});
}

void Rehearsal::put_back() {
    take_disk_away();
    must(remove_tree(world_.root()));
    command({"cp", "-a", kept(), world_.root()});
}

void Rehearsal::put_back_with(Scarce what, std::uint64_t left) {
    take_disk_away();
    mount_memory(world_.root());
    mounted_ = true;
    command({"cp", "-a", kept().string() + "/.", world_.root()});
    if (what == Scarce::kBootBytes) { // over the one that shares its files with the repository
        mount_memory(world_.root() / "boot");
        command({"cp", "-a", kept().string() + "/boot/.", world_.root() / "boot"});
    }
    leave_only(what, left, what == Scarce::kBootBytes ? world_.root() / "boot" : world_.root());
}

void Rehearsal::check_bootable(const std::set<Versions> &allowed) const {
    const Versions versions = world_.versions();
    CHECK(allowed.contains(versions));
    const std::vector<power::MenuEntry> menu = must(power::parse_menu(world_.boot_menu()));
    REQUIRE(menu.size() == versions.size());
    for (std::size_t place = 0; place < menu.size(); place++) {
        CHECK(must(read_file(world_.root().string() + "/boot" + menu[place].kernel)) == "kernel");
        CHECK(must(read_file(world_.root().string() + "/boot" + menu[place].initramfs)) == "initramfs");
        const fs::path deployment = world_.root().string() + menu[place].ostree;
        CHECK(must(read_file(deployment / "usr/lib/version")) == versions[place]);
        CHECK(must(read_file(deployment / "etc/mine")) == "kept");
    }
    command({"ostree", "fsck", "--quiet", "--repo=" + (world_.root() / "ostree/repo").string()});
}

void Rehearsal::fetch_undisturbed() const {
    const Lived lived = must(run_killed_at(kNever, [this] {
        const Status fetched = fetch();
        return fetched.has_value() ? 0 : 1;
    }));
    REQUIRE(lived.status == 0);
}

void Rehearsal::complete() const {
    must(world_.open().clean_up());
    if (world_.versions() == Versions{"1"}) {
        fetch_undisturbed();
        REQUIRE(on_running(world_, [this]() -> Status {
                    TRY(stage());
                    return finalise();
                }) == 0);
    }
    check_bootable({{"2", "1"}, {"2"}});
}

} // namespace ballast::updater_test
