// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "tests/vm/updater/release.h"

namespace ballast::power {

// One whole update of a machine, down to each write. Its steps are marked in the log: fetch, stage, wait, finalise,
// restart, run, good, clean, end.
struct Recording {
    std::filesystem::path start, end; // the disk before and after, raw, of a machine that is off
    std::filesystem::path log;
};

// Files that are written before the update and have to be there after any power cut; each reads "kept".
inline const std::vector<std::string> kKept = {"/etc/ballast-test", "/var/lib/ballast-test"};

// From the image under test to a version with an initramfs of its own, which `release` gets. The files are made in
// `directory`, unless they are there.
Result<Recording> recorded_update(vm::Release &release, const std::filesystem::path &directory);

// The version that is updated to.
inline constexpr const char *kSecondVersion = "99.2";

} // namespace ballast::power
