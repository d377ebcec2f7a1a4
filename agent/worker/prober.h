// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>

#include "agent/probes/watch.h"
#include "agent/worker/background.h"
#include "agent/worker/world.h"

namespace ballast::agent {

// Probes the running containers of one pod, each probe in its own time, and keeps its judgement. In the owner's thread.
class Prober {
  public:
    using Time = ProbeWatch::Time;

    Prober() : self_(std::make_shared<Prober *>(this)) {}
    ~Prober();
    Prober(const Prober &) = delete;
    Prober &operator=(const Prober &) = delete;

    // Begins with containers that run now, forgets those that do not, and probes what is due. `judgement` is changed
    // here and whenever a probe is done.
    void step(const World &world, Background &background, const std::shared_ptr<const Pod> &pod,
              const ObservedPod &observed, Judgement &judgement, Time now);
    // Nothing is probed any more.
    void stop();
    std::optional<Time> due() const { return due_; }

  private:
    using Key = std::pair<std::string, ProbeKind>; // container's ID
    struct Entry {
        ProbeWatch watch;
        std::string container; // its name
        bool probing = false;
    };
    void follow(const Pod &pod, const ObservedPod &observed, Judgement &judgement);
    void probe(const World &world, Background &background, const std::shared_ptr<const Pod> &pod, const Key &key,
               const std::string &sandbox, Judgement &judgement);
    void found(const World &world, const Pod &pod, const Key &key, const Status &result, Judgement &judgement);

    std::map<Key, Entry> entries_;
    std::optional<Time> due_;
    std::stop_source stop_;
    std::shared_ptr<Prober *> self_; // for what comes back from the background: empty when this is gone
};

} // namespace ballast::agent
