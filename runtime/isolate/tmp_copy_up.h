// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ballast::isolate {

// tmpcopyup: what the directory `from` holds into the empty one `to`, with modes, owners, times, links and extended
// attributes, and the owner and times of the directory itself. Allocates nothing. False and errno: ELOOP when it is
// nested deeper than 64, E2BIG when a file has more attributes than fit, ENOSPC when the file system is full.
bool copy_up(int from, int to);

} // namespace ballast::isolate
