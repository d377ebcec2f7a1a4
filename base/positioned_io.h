// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/result.h"

// Files and disks at a place in bytes, whatever the descriptor's own is: pread(2), pwrite(2). Errors are errno's and
// begin with `what`.
namespace ballast {

// `size` bytes, or what there is until the end.
Result<std::string> read_at(BorrowedFd file, std::uint64_t offset, std::size_t size, const std::string &what);
Status write_at(BorrowedFd file, std::uint64_t offset, std::string_view bytes, const std::string &what);

} // namespace ballast
