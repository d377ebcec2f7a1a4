// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <string>

#include "runtime/engine/model.h"

namespace ballast::api {

// "About a minute", "3 hours", "2 weeks": as the docker command says how long something took.
std::string human_duration(std::chrono::nanoseconds duration);

// The STATUS of `docker ps`: "Up 3 minutes (healthy)", "Exited (1) 2 hours ago".
std::string status_text(const engine::State &state, engine::Time now);

} // namespace ballast::api
