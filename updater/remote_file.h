// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "updater/ostree.h"

namespace ballast::updater {

inline constexpr const char *kRemoteName = "ballast";

// The source as OSTree's configuration of a remote (ostree.repo-config(5)): commits and summary must be signed. Values
// were read from JSON; a line break in one would start a line of its own, so control characters are left out.
std::string remote_file(const Source &source);

} // namespace ballast::updater
