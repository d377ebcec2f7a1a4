// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <set>
#include <stop_token>
#include <utility>

#include "base/result.h"

namespace ballast::agent {

// How many may work at once, of all who want to: a machine that boots with a hundred pods starts a few at a time, and
// each within the time that a request may take, instead of all of them and none. For several threads.
class Places {
  public:
    // What finishes something goes before what begins something; among equals, whoever came first.
    enum class Turn { kFinishes, kBegins };

    // `count`: at least 1.
    explicit Places(unsigned count) : free_(count) {}

    // One of them, until it goes out of scope.
    class Place {
      public:
        Place(Place &&other) noexcept : owner_(std::exchange(other.owner_, nullptr)) {}
        Place &operator=(Place &&) = delete;
        ~Place();

      private:
        friend class Places;
        explicit Place(Places *owner) : owner_(owner) {}
        Places *owner_;
    };
    // Waits for one. ECANCELED: `stop` was asked for first.
    Result<Place> take(Turn turn, const std::stop_token &stop = {});
    std::size_t waiting() const; // how many do

  private:
    mutable std::mutex mutex_; // over what follows
    std::condition_variable_any changed_;
    unsigned free_;
    std::uint64_t last_ = 0;
    std::set<std::pair<Turn, std::uint64_t>> waiting_;
};

} // namespace ballast::agent
