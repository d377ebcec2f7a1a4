// SPDX-License-Identifier: Apache-2.0
#include "updater/health/surroundings.h"

namespace ballast::updater::health {

bool wait_for(const Surroundings &surroundings, std::chrono::milliseconds patience,
              const std::function<bool()> &attempt) {
    constexpr std::chrono::seconds kPause{1};
    const std::chrono::milliseconds end = surroundings.elapsed() + patience;
    while (!attempt()) {
        if (surroundings.elapsed() >= end) {
            return false;
        }
        surroundings.sleep(kPause);
    }
    return true;
}

} // namespace ballast::updater::health
