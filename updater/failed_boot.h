// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "updater/host.h"

// What the journal kept of the starts of a deployment that did not prove itself.
namespace ballast::updater {

// What the health checks kept of the deployment `name`; without that, of the boots before this one whose kernel was
// started with it, by journalctl(1).
Evidence look_at_failed_boots(const std::string &name);

} // namespace ballast::updater
