// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/fd.h"
#include "base/result.h"

namespace ballast::agent {

// Writes what is left of `from` to `to` as gzip (RFC 1952) has it.
Status gzip(BorrowedFd from, BorrowedFd to);

} // namespace ballast::agent
