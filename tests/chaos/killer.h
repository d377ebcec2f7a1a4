// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <set>
#include <string>
#include <thread>

#include "tests/chaos/place.h"

namespace ballast::chaos {

// Sends SIGKILL to the engine's programs at random moments, and knows whom it hit.
class Killer {
  public:
    Killer(Place place, unsigned seed) : place_(std::move(place)), random_(seed) {}

    void run(const std::stop_token &stop);

    struct Toll {
        int daemons = 0, monitors = 0, runtimes = 0;
    };
    Toll toll() const;
    // How often a monitor was killed that could have been this container's.
    int monitor_kills(const std::string &id) const;
    // Was the runtime killed while it made this container?
    bool start_killed(const std::string &id) const;

  private:
    void kill_daemon();
    void kill_monitor();
    void kill_runtime(const std::stop_token &stop);

    Place place_;
    std::minstd_rand random_;
    mutable std::mutex mutex_;
    Toll toll_;
    std::set<std::string> starts_;     // ids
    std::map<std::string, int> kills_; // by the container's id; "": of one that nothing was known of
};

} // namespace ballast::chaos
