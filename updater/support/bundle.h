// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "updater/support/parts.h"

namespace ballast::updater::support {

using AskEngine = std::function<Result<std::string>(const std::string &target)>;

struct Bundle {
    std::uint64_t size = 0;           // bytes of the archive
    std::vector<std::string> missing; // "NAME: why", of parts that could not be had
};

// One archive (tar, zstd) at `output`, mode 0600, of all parts, scrubbed (scrub.h), below "ballast-support/";
// contents.json there names each with its source, and what could not be had. It appears whole or not at all. EEXIST
// when `output` is there already.
Result<Bundle> write_bundle(const std::vector<Part> &parts, const AskEngine &engine,
                            const std::filesystem::path &output);

} // namespace ballast::updater::support
