// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

namespace ballast::isolate {

// A path of the container as text: no leading or repeated "/", no "." and "..", which stops at the root; "" is the
// root. Links are a matter of the kernel: open what this returns inside the root only.
std::string clean_path(std::string_view path);

} // namespace ballast::isolate
