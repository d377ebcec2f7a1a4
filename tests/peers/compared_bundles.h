// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

// The bundles that every runtime runs, so that what they make of them can be compared field by field.
namespace ballast::peers {

struct ComparedBundle {
    std::string name;
    nlohmann::ordered_json spec;
    bool terminal = false;
};

// `seccomp_profile` is the text of containers-common's.
std::vector<ComparedBundle> compared_bundles(const std::string &seccomp_profile);

} // namespace ballast::peers
