// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

namespace ballast::updater::boot_loader {

// Called before each change that a power cut could follow: tests end there.
using Step = std::function<void()>;

} // namespace ballast::updater::boot_loader
