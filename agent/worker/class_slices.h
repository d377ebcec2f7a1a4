// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/pods/back_off.h"
#include "agent/worker/background.h"
#include "agent/worker/pod_life.h"

namespace ballast::agent {

// The slices above those of pods: kubepods.slice is held to what the machine has for pods, those of the classes weigh
// what their pods ask for. In the owner's thread alone.
class ClassSlices {
  public:
    using Time = BackOff::Time;

    // `world` and `background` outlive it.
    ClassSlices(const World &world, Background &background) : world_(world), background_(background) {}

    // Tells systemd what has changed, in the background; a failure is tried again.
    void step(const std::map<std::string, std::unique_ptr<PodLife>> &pods, Time now);

  private:
    const World &world_;
    Background &background_;
    std::map<std::string, SliceLimits> told_;
    bool telling_ = false;
    Time next_{0};
};

} // namespace ballast::agent
