// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "agent/pods/spec.h"
#include "base/result.h"

namespace ballast {
class JsonCursor;
}

namespace ballast::agent {

// A Pod (v1) from JSON, with the API's defaults. Fields that a node does not act upon are passed over. EINVAL
// "NAME: PATH: PROBLEM" for what is no pod; whether it makes sense is validate()'s.
Result<Pod> read_pod(std::string_view json, const std::string &name);

// Parts, for whoever has them alone.
std::optional<Action> read_action(const JsonCursor &from);
void read_container(const JsonCursor &from, Container &to);
void read_container_security(const JsonCursor &from, ContainerSecurity &to);
void read_pod_security(const JsonCursor &from, PodSecurity &to);
void read_volume(const JsonCursor &from, Volume &to);
ResourceRef read_resource_ref(const JsonCursor &from);
void read_resources(const JsonCursor &from, Resources &to);
std::optional<Quantity> read_quantity(const JsonCursor &from);

} // namespace ballast::agent
