// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "updater/host.h"

// What the journal kept of the starts of a deployment that did not prove itself.
namespace ballast::updater {

// Asks journalctl(1) for the boots before this one whose kernel was started with the deployment `name`.
Evidence look_at_failed_boots(const std::string &name);

// The sentence for what those lines say; `lines` as look_at_failed_boots() keeps them.
std::string failure_reason(const std::vector<std::string> &health, const std::vector<std::string> &failures);

} // namespace ballast::updater
