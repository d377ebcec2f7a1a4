// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ballast::oci {

inline constexpr unsigned kHighestProcessor = 65535;
inline constexpr unsigned kHighestMemoryNode = 4095;

// A list of processors or memory nodes as in cpuset(7), "0-3,7", without the blanks and empty items that the
// specification and the kernel put up with. nullopt for anything else, ranges that run backwards and numbers over
// `highest`.
std::optional<std::string> tidy_number_list(std::string_view text, unsigned highest);

} // namespace ballast::oci
