// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "tests/integration/updater/ostree_fixture.h"

// An update in its steps, over and over again from the beginning of each.
namespace ballast::updater_test {

using Versions = std::vector<std::string>;

// What a disk may have little of.
enum class Scarce {
    kBytes,
    kFiles,     // inodes
    kBootBytes, // on a file system of its own at /boot
};

class Rehearsal {
  public:
    // A machine that runs version 1, with version 2 in its repository.
    Rehearsal();
    ~Rehearsal();

    // The steps, each from where the one before ends. In the process that calls, which for all but the first is one
    // that runs the machine's system: on_running().
    Status fetch() const;
    Status stage() const;
    static Status finalise(); // as the shutdown does

    // Keeps the machine's disk as it is now, and puts it back: onto a disk with so much left, if that is said.
    void keep();
    void put_back();
    void put_back_with(Scarce what, std::uint64_t left);

    // What the next start finds: each entry of the menu leads to files and a deployment that are whole, and the
    // deployments are among those that are allowed.
    void check_bootable(const std::set<Versions> &allowed) const;
    // All steps from wherever it is, undisturbed.
    void complete() const;
    // The first step alone. Like all that fetches it is done in a child: GLib's threads would be missing in those that
    // are forked later.
    void fetch_undisturbed() const;

    const World &world() const { return world_; }

  private:
    std::filesystem::path kept() const { return world_.root().string() + ".kept"; }
    void take_disk_away();

    World world_;
    std::string second_;
    bool mounted_ = false; // a disk of its own at the machine's root
};

} // namespace ballast::updater_test
