// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"
#include "tests/vm/machine_options.h"

// The name of a saved machine: everything that decides whether a saved state fits.
namespace ballast::vm {

// Path, size, modification time and SHA-256 of the first and last MiB: changes whenever a file is rebuilt, without
// reading gigabytes.
Result<nlohmann::json> file_identity(const std::filesystem::path &path);

// 32 hexadecimal digits. `environment` is what belongs to this host: QEMU's version, accelerator, ssh key.
// Reads the files that the options name (image, kernel, initrd, seed).
Result<std::string> snapshot_key(const MachineOptions &options, const nlohmann::json &environment);

} // namespace ballast::vm
