// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "runtime/engine/model.h"
#include "runtime/log/settings.h"

namespace ballast::engine {

// What the monitor writes a container's log by: its driver, and options as they are once labels, environment and tag
// are filled in. EINVAL with Docker's words.
Result<container_log::WriterSettings> log_settings(const Snapshot &container);

} // namespace ballast::engine
