// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/fd.h"
#include "base/result.h"

namespace ballast {

// What a directory holds, sorted, without "." and "..". A descriptor that only names it (O_PATH) will do.
Result<std::vector<std::string>> names_in(BorrowedFd directory);

} // namespace ballast
