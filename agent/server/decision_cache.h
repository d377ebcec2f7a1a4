// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

namespace ballast::agent {

// What somebody else has decided, for as long as it holds; of bounded size. For several threads at once.
template <typename Decision>
class DecisionCache {
  public:
    using Time = std::chrono::steady_clock::time_point;

    explicit DecisionCache(std::size_t most) : most_(most) {}

    std::optional<Decision> find(const std::string &key, Time now) {
        const std::lock_guard lock(mutex_);
        const auto found = entries_.find(key);
        return found != entries_.end() && now < found->second.until ? std::optional(found->second.decision)
                                                                    : std::nullopt;
    }

    // What is over makes room, and then what is over first.
    void keep(const std::string &key, Decision decision, Time now, Time until) {
        const std::lock_guard lock(mutex_);
        entries_.insert_or_assign(key, Entry{std::move(decision), until});
        if (entries_.size() > most_) {
            std::erase_if(entries_, [now](const auto &entry) { return entry.second.until <= now; });
        }
        if (entries_.size() > most_) {
            entries_.erase(
                std::ranges::min_element(entries_, {}, [](const auto &entry) { return entry.second.until; }));
        }
    }

  private:
    struct Entry {
        Decision decision;
        Time until;
    };
    std::size_t most_;
    std::mutex mutex_;
    std::map<std::string, Entry> entries_;
};

} // namespace ballast::agent
