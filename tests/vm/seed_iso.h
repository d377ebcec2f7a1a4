// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "base/result.h"

// The disk from which cloud-init's NoCloud data source reads: ISO 9660 with Joliet and Rock Ridge names and the volume
// id "cidata". The one file of the test machine that includes libarchive.
namespace ballast::vm {

using SeedFiles = std::map<std::string, std::string>; // name to content

// user-data (required), meta-data, network-config, vendor-data of `directory`. NoCloud ignores a seed without
// meta-data, so a missing one gets an instance id made from the other files. EINVAL for any other file: a misspelt
// name would otherwise be ignored in silence.
Result<SeedFiles> read_seed(const std::filesystem::path &directory);

// The bytes of the disk.
Result<std::string> make_seed_iso(const SeedFiles &files);

} // namespace ballast::vm
