// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

// Running one plugin of CNI.
namespace ballast::cni {

struct PluginPlaces {
    std::vector<std::filesystem::path> directories = {"/opt/cni/bin", "/usr/lib/cni"}; // the first that has it counts
    std::chrono::milliseconds patience = std::chrono::seconds(60);                     // then it is killed
};

// ENOENT names the plugin and the directories.
Result<std::filesystem::path> find_plugin(const PluginPlaces &places, const std::string &type);

// Runs it with the given CNI_* variables (CNI_PATH is added) and input; what it printed. Errors start with the plugin's
// name: what it says itself (EAGAIN for "try again later", else EIO), ETIMEDOUT when it hung, EFBIG when it printed too
// much, EIO when it failed without saying why.
Result<std::string> call_plugin(const PluginPlaces &places, const std::string &type,
                                std::map<std::string, std::string> variables, std::string input);

// The versions of the specification that it speaks.
Result<std::vector<std::string>> versions_of(const PluginPlaces &places, const std::string &type);

} // namespace ballast::cni
