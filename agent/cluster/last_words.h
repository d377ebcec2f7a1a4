// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <string>

#include "agent/cri_client/observed.h"

namespace ballast::agent {

// What an ended container left to be said of its end: what is in `file`, its terminationMessagePath; where that is
// empty and terminationMessagePolicy is FallbackToLogsOnError and it failed, the end of its log, which is below `logs`.
// Empty: nothing, or nothing that can be read. At most 4096 bytes of a file and 80 lines and 2048 bytes of a log, as
// kubelet's.
std::string last_words(const ObservedContainer &container, const std::filesystem::path &file,
                       const std::filesystem::path &logs);

} // namespace ballast::agent
