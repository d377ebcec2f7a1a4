// SPDX-License-Identifier: Apache-2.0
#include "agent/pods/back_off.h"

#include <algorithm>

namespace ballast::agent {

BackOff::Time BackOff::left(const std::string &key, Time failed, Time now) const {
    const auto found = entries_.find(key);
    if (found == entries_.end() || expired(found->second, failed)) {
        return Time(0);
    }
    // A clock that was set back must not make the wait longer than it is.
    return std::clamp(found->second.wait - (now - failed), Time(0), found->second.wait);
}

void BackOff::tried(const std::string &key, Time failed, Time now) {
    // What nobody waits for any more: pods come and go for years.
    std::erase_if(entries_, [&](const auto &one) { return now - one.second.at > 4 * most_; });
    const auto found = entries_.find(key);
    const Time first = std::min<Time>(kFirst, most_);
    if (found == entries_.end() || expired(found->second, failed)) {
        entries_.insert_or_assign(key, Entry{first, now});
    } else {
        found->second = Entry{std::min(found->second.wait * 2, most_), now};
    }
}

void BackOff::recall(const std::string &key, Time wait, Time at) {
    if (wait.count() > 0) {
        entries_.try_emplace(key, Entry{std::min(wait, most_), at});
    }
}

BackOff::Time BackOff::wait_of(const std::string &key) const {
    const auto found = entries_.find(key);
    return found == entries_.end() ? Time(0) : found->second.wait;
}

} // namespace ballast::agent
