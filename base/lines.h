// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace ballast {

// The lines of a text, without their ends and without the empty ones: what a program printed, a list in a file.
std::vector<std::string> lines_of(std::string_view text);

} // namespace ballast
