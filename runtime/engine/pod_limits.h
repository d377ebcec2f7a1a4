// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "base/result.h"
#include "runtime/engine/engine.h"

namespace ballast::engine {

struct Container;

// What Kubernetes limits of a container.
struct PodLimits {
    Resources resources = {};                             // 0 and empty: not said
    std::map<std::string, std::string> cgroup = {};       // files of cgroup v2 and what is written to them
    std::map<std::string, std::uint64_t> huge_pages = {}; // bytes, by the pages' size: "2MB"
};

// Into linux.resources, beside what Docker limits as well.
void add_pod_limits(nlohmann::ordered_json &resources, const Pod &pod);

// update.cc: of a container, running or not; what is not said stays.
Status update_limits(Engine::Core &core, const std::shared_ptr<Container> &container, PodLimits limits);

} // namespace ballast::engine
