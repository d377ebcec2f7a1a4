// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace ballast::oci {

inline constexpr const char *kSpecVersion = "1.3.0";
// "ballast-oci version 1.0\nspec: 1.3.0\n…", and what it can do as "+SYSTEMD …": the form that engines read.
std::string version_text();

} // namespace ballast::oci
