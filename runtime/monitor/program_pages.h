// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace ballast::monitor {

// Gives back the memory that this program's code, constants and freed heap take. What is needed comes from the page
// cache again; an idle monitor needs next to nothing of what started its container.
void give_back_pages();

} // namespace ballast::monitor
