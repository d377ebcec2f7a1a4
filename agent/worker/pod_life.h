// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "agent/pods/plan.h"
#include "agent/pods/state_machine.h"
#include "agent/worker/background.h"
#include "agent/worker/jobs.h"
#include "agent/worker/prober.h"

namespace ballast::agent {

// One pod from its definition to its end: looks at what the runtime says of it, asks the plan, and gives the work away.
// In the owner's thread alone.
class PodLife {
  public:
    using Time = BackOff::Time;

    // `state`: kStarting; kEnding for what has ended before; kRemoving for what runs and nobody wants.
    PodLife(Pod pod, PodState state);
    ~PodLife();
    PodLife(const PodLife &) = delete;
    PodLife &operator=(const PodLife &) = delete;

    const Pod &pod() const { return *pod_; }
    PodState state() const { return state_; }
    bool wanted() const { return state_ == PodState::kStarting || state_ == PodState::kRunning; }
    bool busy() const { return busy_; }
    const ObservedPod &observed() const { return observed_; }
    // Containers that do not run though they should, and why.
    const std::map<std::string, Waiting> &waiting() const { return waiting_; }
    const Judgement &judgement() const { return judgement_; }

    // What the runtime said of it is known.
    bool known() const { return known_; }
    // Why it is ended though it was wanted; nothing: it is not.
    const std::optional<Waiting> &failure() const { return failure_; }

    // Its definition is another now.
    void update(Pod pod);
    // Nobody wants it any more. What is being done for it is given up. `grace`: seconds in place of its own; of one
    // that is being ended already, it may make them fewer.
    void unwanted(std::optional<std::int64_t> grace = {});
    // It is to end though it is wanted, if it has not; `grace`: seconds in place of its own.
    void end(Waiting why, std::int64_t grace);
    // What the runtime says, by a look that began after the last job was done.
    void observe(ObservedPod observed);
    // A look that begins now counts; one that began while a job ran says what is past.
    void looking() { fresh_look_ = !busy_; }

    // Does what is due. `begin`: called with what runs in the background; nothing is begun twice.
    void step(const World &world, Background &background, BackOff &back_off, Time now);
    // When it wants to be asked again if nothing happens; nothing: not by itself.
    std::optional<Time> due() const { return due_; }
    // It has done something since the last look.
    bool wants_look() const { return !busy_ && !seen_; }

  private:
    void happened(PodEvent event);
    bool overdue(Time now);
    void probe(const World &world, Background &background, Time now);
    void refresh(const World &world, Background &background, Time now);
    void wait_until(Time time);
    void recall(BackOff &back_off) const;
    void step_wanted(const World &world, Background &background, BackOff &back_off, Time now);
    void begin(Background &background, std::function<JobResult(const Job &)> work, Plan plan);
    void finished(JobResult result);

    std::shared_ptr<const Pod> pod_;
    PodState state_;
    ObservedPod observed_;
    Judgement judgement_;
    Prober prober_;
    std::map<std::string, Waiting> waiting_;
    bool busy_ = false;
    bool seen_ = false;       // observed_ is newer than what was done last
    bool fresh_look_ = false; // the look that is on its way will be
    bool cleaned_ = false;
    bool known_ = false;
    bool refreshing_ = false;
    Time next_refresh_{0};
    std::optional<Waiting> failure_;
    std::optional<std::int64_t> grace_;
    std::optional<std::int64_t> hurry_; // a shorter one came while its containers are stopped
    Time not_before_{0};
    std::chrono::nanoseconds retry_{0};
    std::optional<Time> due_;
    std::stop_source stop_;
    std::shared_ptr<PodLife *> self_; // for what comes back from the background: gone when this is
};

} // namespace ballast::agent
