// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ballast {

// Gives back the memory that the code and the constants of this program and its libraries and freed heap take. What is
// needed comes from the page cache again; a daemon that idles needs next to nothing of what it did before.
void give_back_pages();

} // namespace ballast
