// SPDX-License-Identifier: Apache-2.0
#include "agent/cri_client/places.h"

namespace ballast::agent {

Result<Places::Place> Places::take(Turn turn, const std::stop_token &stop) {
    std::unique_lock lock(mutex_);
    const auto mine = waiting_.emplace(turn, ++last_).first;
    const bool taken = changed_.wait(lock, stop, [&] { return free_ > 0 && waiting_.begin() == mine; });
    waiting_.erase(mine);
    changed_.notify_all(); // somebody else may be the first now
    if (!taken) {
        return fail(ECANCELED, "not wanted any more");
    }
    free_--;
    return Place(this);
}

std::size_t Places::waiting() const {
    const std::lock_guard lock(mutex_);
    return waiting_.size();
}

Places::Place::~Place() {
    if (owner_ != nullptr) {
        const std::lock_guard lock(owner_->mutex_);
        owner_->free_++;
        owner_->changed_.notify_all();
    }
}

} // namespace ballast::agent
