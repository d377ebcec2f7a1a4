// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

// The grammars of CNI's specification. What passes is safe as a part of a file's name.
namespace ballast::cni {

bool is_name(std::string_view text);           // of a network or a container
bool is_interface_name(std::string_view text); // as the kernel takes them
bool is_plugin_type(std::string_view text);    // a file's name, never a path

} // namespace ballast::cni
