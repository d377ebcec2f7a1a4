// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "runtime/container/settings.h"

// The commands of ballast-oci. Each gets the words behind its own name and returns the exit status.
namespace ballast::oci {

using Settings = container::Settings;
using Arguments = std::vector<std::string>;

Result<int> verb_create(const Settings &settings, const Arguments &arguments);
Result<int> verb_run(const Settings &settings, const Arguments &arguments);
Result<int> verb_start(const Settings &settings, const Arguments &arguments);
Result<int> verb_kill(const Settings &settings, const Arguments &arguments);
Result<int> verb_delete(const Settings &settings, const Arguments &arguments);
Result<int> verb_exec(const Settings &settings, const Arguments &arguments);
Result<int> verb_pause(const Settings &settings, const Arguments &arguments);
Result<int> verb_resume(const Settings &settings, const Arguments &arguments);
Result<int> verb_update(const Settings &settings, const Arguments &arguments);
Result<int> verb_state(const Settings &settings, const Arguments &arguments);
Result<int> verb_list(const Settings &settings, const Arguments &arguments);
Result<int> verb_ps(const Settings &settings, const Arguments &arguments);
Result<int> verb_events(const Settings &settings, const Arguments &arguments);
Result<int> verb_features(const Settings &settings, const Arguments &arguments);
Result<int> verb_spec(const Settings &settings, const Arguments &arguments);

// stdout, all of it; a closed one is an error.
Status print(const std::string &text);

} // namespace ballast::oci
