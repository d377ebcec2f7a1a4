// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// The config.json that an engine hands to its runtime for an ordinary container.
namespace ballast::bundles {

// Docker's fourteen.
std::vector<std::string> default_capabilities();

// As `docker run` makes it: all namespaces but user and time, seven mounts, twelve masked and six read-only paths, the
// default capabilities, device rules that allow nothing but the usual nodes. The root is `rootfs` beside it.
// `seccomp` is resolve_profile()'s, or null for none.
nlohmann::ordered_json engine_spec(const std::vector<std::string> &arguments, const nlohmann::ordered_json &seccomp);

} // namespace ballast::bundles
