// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/chaos/place.h"

namespace ballast::chaos {

// Works an engine hard while its programs are killed, then compares what it says with the truth, removes everything and
// looks for what is left. Returns a sentence for each thing that is wrong; says on stdout what was done.
// `program`: the worker; `kept`: names of the descriptors that the service manager holds for the engine.
std::vector<std::string> kill_at_random(const Place &place, const Effort &effort, const std::filesystem::path &program,
                                        const std::function<std::vector<std::string>()> &kept);

} // namespace ballast::chaos
