// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <stop_token>

#include "agent/upkeep/image_upkeep.h"
#include "agent/upkeep/log_upkeep.h"
#include "agent/upkeep/volume_limits.h"
#include "agent/worker/background.h"
#include "agent/worker/pods.h"
#include "agent/worker/world.h"

namespace ballast::agent {

// Chores, each in its time and in the background. In the owner's thread.
class Upkeep {
  public:
    using Time = Pods::Time;

    // `world` outlives it, and it outlives what `background` runs.
    Upkeep(const World &world, Background &background);
    Upkeep(const Upkeep &) = delete;
    Upkeep &operator=(const Upkeep &) = delete;

    // Begins what is due.
    void step(Pods &pods, Time now);
    Time due() const;
    // What is being done is given up.
    void stop() { stop_.request_stop(); }

  private:
    struct Chore {
        std::chrono::nanoseconds period{0};
        Time next{0};
        bool under_way = false;
    };
    static bool is_due(const Chore &chore, Time now);
    void check_volumes(Pods &pods, Time now);
    void begin(Chore &chore, Time now, Background::Work work);

    const World &world_;
    Background &background_;
    std::stop_source stop_;
    LogUpkeep log_upkeep_;
    ImageUpkeep image_upkeep_;
    Chore logs_, garbage_, images_, volumes_;
    std::vector<Eviction> evictions_; // found, and to be told
    bool has_pods_ = false;
};

} // namespace ballast::agent
