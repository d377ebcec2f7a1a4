// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/chaos/power/file_systems.h"
#include "tests/chaos/power/grub_view.h"
#include "tests/chaos/power/whole_objects.h"

namespace ballast::power {

struct Verdict {
    std::string starts;                  // the id of the deployment that GRUB takes
    std::vector<std::string> complaints; // none: nothing is lost
};

// Says whether a disk is one that a machine comes up from with nothing lost: each entry that GRUB sees without
// replaying a journal is whole; the file systems need no more than their journal; each deployment of the menu, the
// repository and what the operator wrote are as they were.
class Judge {
  public:
    // `scratch` gets a copy of the disk, and is best in memory. `kept`: files that must read "kept", below /var with
    // that prefix, all others below /etc of every deployment.
    Judge(std::filesystem::path disk, std::filesystem::path scratch, std::vector<std::string> kept);

    // How the deployments of this disk are is how they have to be: of a machine that was shut down.
    Status learn(const std::filesystem::path &disk);

    Result<Verdict> judge();

  private:
    struct Deployment {
        std::string kernel, initramfs, tree; // digests
        bool operator==(const Deployment &) const = default;
    };

    Result<Deployment> look_at(const GrubDisk &grub, const MenuEntry &entry) const;
    Status judge_entry(const GrubDisk &grub, const MenuEntry &entry) const;
    Status judge_kept(const MenuEntry &entry) const;
    Status judge_repository();
    // The root file system after what a machine does to a disk when it starts.
    Result<Mounted> replayed(const std::filesystem::path &disk);
    std::filesystem::path sysroot() const { return scratch_ / "sysroot"; }

    std::filesystem::path disk_, scratch_;
    std::vector<std::string> kept_;
    std::map<std::string, Deployment> known_; // by the entry's id
    std::optional<WholeObjects> objects_;     // as they were last read
    std::vector<Range> written_;              // to the copy since then
    std::uint64_t root_offset_ = 0;           // of the root partition, bytes
};

// Makes `copy` equal to `disk`, writing what differs only; it says where that is.
Result<std::vector<Range>> copy_differences(const std::filesystem::path &disk, const std::filesystem::path &copy);

} // namespace ballast::power
