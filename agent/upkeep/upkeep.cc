// SPDX-License-Identifier: Apache-2.0
#include "agent/upkeep/upkeep.h"

#include <algorithm>
#include <utility>

#include "agent/upkeep/pod_garbage.h"
#include "base/log.h"

namespace ballast::agent {
namespace {

using namespace std::chrono_literals;

constexpr std::chrono::nanoseconds kGarbage = 1min, kImages = 5min, kVolumes = 10s; // as kubelet

} // namespace

Upkeep::Upkeep(const World &world, Background &background)
    : world_(world), background_(background), log_upkeep_(world), image_upkeep_(world),
      logs_{.period = world.options.config.upkeep.log_period}, garbage_{.period = kGarbage}, images_{.period = kImages},
      volumes_{.period = kVolumes} {}

// A clock that was set back must not keep it waiting.
bool Upkeep::is_due(const Chore &chore, Time now) {
    return !chore.under_way && (now >= chore.next || chore.next > now + chore.period);
}

void Upkeep::begin(Chore &chore, Time now, Background::Work work) {
    chore.under_way = true;
    chore.next = now + chore.period;
    background_.run([&chore, work = std::move(work)]() -> Background::After {
        return [&chore, after = work()] {
            chore.under_way = false;
            if (after) {
                after();
            }
        };
    });
}

// No thread for it where no volume has a limit.
void Upkeep::check_volumes(Pods &pods, Time now) {
    for (const Eviction &eviction : std::exchange(evictions_, {})) {
        pods.evict(eviction.uid, eviction.why);
    }
    if (!is_due(volumes_, now)) {
        return;
    }
    volumes_.next = now + volumes_.period;
    if (std::vector<Pod> limited = limited_pods(pods); !limited.empty()) {
        begin(volumes_, now, [this, limited = std::move(limited), stop = stop_.get_token()]() -> Background::After {
            return [this, found = beyond_limits(limited, world_.options.root_directory, stop)] { evictions_ = found; };
        });
    }
}

void Upkeep::step(Pods &pods, Time now) {
    has_pods_ = !pods.all().empty();
    if (!pods.looked()) {
        return; // the runtime has not said yet what there is
    }
    if (is_due(logs_, now)) {
        begin(logs_, now, [this, logs = logs_of(pods), stop = stop_.get_token()] {
            log_upkeep_.tend(logs, stop);
            return Background::After();
        });
    }
    if (is_due(garbage_, now)) {
        begin(garbage_, now, [this, garbage = pod_garbage(pods)] {
            if (const Status done = remove_pod_garbage(world_, garbage); !done.has_value()) {
                log::debug("what pods have left: " + done.error().message + "; tried again");
            }
            return Background::After();
        });
    }
    check_volumes(pods, now);
    if (image_upkeep_.wanted() && is_due(images_, now)) {
        begin(images_, now, [this, stop = stop_.get_token()] {
            image_upkeep_.tend(stop);
            return Background::After();
        });
    }
}

// A node without pods wakes for none of it; it is done when the node wakes for something else.
Upkeep::Time Upkeep::due() const {
    Time due = Time::max();
    for (const Chore *chore : {&logs_, &garbage_, &images_, &volumes_}) {
        if (has_pods_ && !chore->under_way && chore->next != Time(0)) { // the first time comes with what there is
            due = std::min(due, chore->next);
        }
    }
    return due;
}

} // namespace ballast::agent
