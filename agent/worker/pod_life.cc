// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/pod_life.h"

#include <algorithm>
#include <utility>

#include "agent/cri_client/labels.h"
#include "agent/pods/quantity.h"
#include "agent/volumes/volumes.h"
#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {

PodLife::PodLife(Pod pod, PodState state)
    : pod_(std::make_shared<const Pod>(std::move(pod))), state_(state), self_(std::make_shared<PodLife *>(this)) {}

PodLife::~PodLife() {
    *self_ = nullptr;
    stop_.request_stop();
}

void PodLife::happened(PodEvent event) {
    const PodState next = next_state(state_, event);
    if (next != state_) {
        log::debug("pod " + pod_->full_name() + ": " + std::string(name_of(event)) + ", now " +
                       std::string(name_of(next)),
                   {{"POD_UID", pod_->uid}});
        state_ = next;
        not_before_ = Time(0);
    }
}

void PodLife::update(Pod pod) { pod_ = std::make_shared<const Pod>(std::move(pod)); }

void PodLife::unwanted(std::optional<std::int64_t> grace) {
    if (busy_ && !wanted() && grace && *grace < grace_.value_or(pod_->grace)) {
        hurry_ = grace;
    }
    if (wanted() || hurry_) {
        stop_.request_stop();
    }
    grace_ = grace ? grace : grace_;
    happened(PodEvent::kUnwanted);
}

void PodLife::end(Waiting why, std::int64_t grace) {
    if (!wanted()) {
        return;
    }
    failure_ = std::move(why);
    grace_ = grace;
    stop_.request_stop(); // what is being started is not any more
    happened(PodEvent::kTimeOver);
}

void PodLife::observe(ObservedPod observed) {
    if (!fresh_look_ || busy_) {
        return;
    }
    observed_ = std::move(observed);
    seen_ = true;
    known_ = true;
}

bool PodLife::overdue(Time now) {
    if (!pod_->active_deadline) {
        return false;
    }
    Time begun = now;
    for (const ObservedSandbox &sandbox : observed_.sandboxes) {
        begun = std::min(begun, Time(sandbox.created));
    }
    const Time end = begun + std::chrono::seconds(*pod_->active_deadline);
    if (now < end) {
        wait_until(end);
    }
    return !observed_.sandboxes.empty() && now >= end;
}

void PodLife::step(const World &world, Background &background, BackOff &back_off, Time now) {
    due_.reset();
    retry_ = world.retry;
    const bool over = (state_ == PodState::kStarting || state_ == PodState::kRunning) && overdue(now);
    if (over) {
        failure_ = {"DeadlineExceeded", "Pod was active on the node longer than the specified deadline"};
        world.note(*pod_, {.warning = false, .reason = failure_->reason, .message = failure_->message});
        stop_.request_stop(); // what is being started is not any more
        happened(PodEvent::kTimeOver);
    }
    probe(world, background, now);
    refresh(world, background, now);
    if (const auto grace = std::exchange(hurry_, std::nullopt); grace && busy_) {
        const Job job{.pod = pod_, .observed = observed_, .plan = {}, .stop = {}};
        background.run([&world, job, grace]() -> Background::After {
            hurry_pod(world, job, *grace);
            return {};
        });
    }
    if (busy_ || !seen_) {
        return;
    }
    if (now < not_before_) {
        wait_until(not_before_);
        return;
    }
    if (state_ == PodState::kStarting || state_ == PodState::kRunning) {
        step_wanted(world, background, back_off, now);
    }
    if (state_ == PodState::kEnding || state_ == PodState::kRemoving) {
        if (observed_.anything_runs()) {
            begin(background, [&world, grace = grace_](const Job &job) { return stop_pod(world, job, grace); }, {});
            return;
        }
        happened(PodEvent::kNothingRuns);
    }
    if (state_ == PodState::kCleaning) {
        if (!cleaned_) {
            begin(background, [&world](const Job &job) { return clean_pod(world, job); }, {});
        } else {
            happened(PodEvent::kCleaned);
        }
    }
}

void PodLife::wait_until(Time time) { due_ = std::min(due_.value_or(Time::max()), time); }

// Until it is to end: what ends needs no restart.
void PodLife::probe(const World &world, Background &background, Time now) {
    if (state_ != PodState::kStarting && state_ != PodState::kRunning) {
        prober_.stop();
        return;
    }
    prober_.step(world, background, pod_, observed_, judgement_, now);
    if (prober_.due()) {
        wait_until(*prober_.due());
    }
}

// Files of volumes that somebody else keeps follow what they are made from. Beside everything else: the API server may
// take its time.
void PodLife::refresh(const World &world, Background &background, Time now) {
    const bool wanted = (state_ == PodState::kStarting || state_ == PodState::kRunning) && has_files(*pod_);
    if (!wanted || refreshing_) {
        return;
    }
    const auto period = world.options.config.sync_frequency;
    if (next_refresh_ > now && next_refresh_ <= now + period) {
        wait_until(next_refresh_);
        return;
    }
    next_refresh_ = now + period;
    refreshing_ = true;
    background.run([self = self_, pod = pod_, &world]() -> Background::After {
        const PodDirectory directory(world.options.root_directory, pod->uid);
        const Status done = refresh_volumes(*pod, directory, {world.surroundings(), world.objects});
        if (!done.has_value()) {
            log::debug("pod " + pod->full_name() + ": " + done.error().message + "; tried again",
                       {{"POD_UID", pod->uid}});
        }
        return [self] {
            if (*self != nullptr) {
                (*self)->refreshing_ = false;
            }
        };
    });
}

// What an agent before this one has waited.
void PodLife::recall(BackOff &back_off) const {
    for (const ObservedContainer &container : observed_.containers) {
        const Container *const wanted = find_container(*pod_, container.name);
        const bool is_latest = observed_.container(container.name) == &container;
        if (const auto wait = number_in(container.annotation(labels::kRestartWait));
            wait && is_latest && wanted != nullptr && container.annotation(labels::kHash) == wanted->hash) {
            back_off.recall(back_off_key(*pod_, container.name), Time(*wait), Time(container.created));
        }
    }
}

void PodLife::step_wanted(const World &world, Background &background, BackOff &back_off, Time now) {
    recall(back_off);
    Plan plan = plan_pod(*pod_, observed_, judgement_, back_off, now);
    if (plan.finished) {
        waiting_.clear();
        happened(PodEvent::kFinished);
        return;
    }
    if (plan.new_sandbox) {
        happened(PodEvent::kSandboxLost);
    }
    if (plan.all_started) {
        happened(PodEvent::kStarted);
    }
    const std::map<std::string, Waiting> waited = std::exchange(waiting_, plan.waiting);
    for (const std::string &name : plan.start) {
        if (const auto found = waited.find(name); found != waited.end()) {
            waiting_.insert_or_assign(name, found->second); // until it runs, or fails for another reason
        }
    }
    if (plan.again) {
        wait_until(*plan.again);
    }
    if (plan.nothing_to_do()) {
        return;
    }
    for (const std::string &name : plan.start) {
        const ObservedContainer *before = observed_.container(name);
        if (before != nullptr && before->state == ContainerState::kExited) {
            const std::string key = back_off_key(*pod_, name);
            back_off.tried(key, Time(before->finished), now);
            plan.waits.insert_or_assign(name, back_off.wait_of(key));
        }
    }
    begin(background, [&world](const Job &job) { return sync_pod(world, job); }, std::move(plan));
}

void PodLife::begin(Background &background, std::function<JobResult(const Job &)> work, Plan plan) {
    busy_ = true;
    seen_ = false;
    if (state_ != PodState::kStarting && state_ != PodState::kRunning) {
        stop_ = std::stop_source(); // what ends a pod is not given up
    }
    Job job{.pod = pod_, .observed = observed_, .plan = std::move(plan), .stop = stop_.get_token()};
    const bool cleans = state_ == PodState::kCleaning;
    background.run([self = self_, job = std::move(job), work = std::move(work), cleans]() -> Background::After {
        JobResult result = work(job);
        return [self, cleans, result = std::move(result)]() mutable {
            if (*self != nullptr) {
                (*self)->cleaned_ = cleans && !result.failed;
                (*self)->finished(std::move(result));
            }
        };
    });
}

void PodLife::finished(JobResult result) {
    busy_ = false;
    fresh_look_ = false;
    if (result.failed) {
        not_before_ = Time(now_ns()) + retry_;
    }
    for (const auto &[name, waiting] : result.waiting) {
        waiting_.insert_or_assign(name, waiting);
    }
}

} // namespace ballast::agent
