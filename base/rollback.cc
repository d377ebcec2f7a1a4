// SPDX-License-Identifier: Apache-2.0
#include "base/rollback.h"

#include <utility>

namespace ballast {

Rollback::~Rollback() {
    while (!steps_.empty()) {
        std::function<void()> undo = std::move(steps_.back());
        steps_.pop_back();
        undo();
    }
}

} // namespace ballast
