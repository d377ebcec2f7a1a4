// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "runtime/engine/model.h"

namespace ballast::engine {

// A container's config.json on disk, version 1. Whether it runs is not its business: the kernel is asked.
std::string record_text(const Snapshot &container);

// EINVAL with the place of what is wrong.
Result<Snapshot> parse_record(std::string_view text, const std::string &name);

} // namespace ballast::engine
