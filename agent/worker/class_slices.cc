// SPDX-License-Identifier: Apache-2.0
#include "agent/worker/class_slices.h"

#include "base/log.h"
#include "base/timestamp.h"

namespace ballast::agent {
namespace {

using Slices = std::map<std::string, SliceLimits>;

Status tell(const World &world, const Slices &wanted, const Slices &before) {
    for (const auto &[name, limits] : wanted) {
        const auto found = before.find(name);
        if (found == before.end() || found->second != limits) {
            TRY(world.make_slice(name, limits));
        }
    }
    return {};
}

} // namespace

void ClassSlices::step(const std::map<std::string, std::unique_ptr<PodLife>> &pods, Time now) {
    // A clock that was set back must not keep it waiting.
    const bool waits = now < next_ && next_ <= now + world_.retry;
    if (!world_.make_slice || telling_ || waits) {
        return;
    }
    std::vector<const Pod *> here;
    for (const auto &[uid, life] : pods) {
        if (life->wanted() || life->state() == PodState::kEnding) {
            here.push_back(&life->pod());
        }
    }
    Slices wanted = class_slices_of(here, world_.node_cpu.milli(), world_.pods_together);
    if (wanted == told_) {
        return;
    }
    telling_ = true;
    background_.run([this, &world = world_, wanted = std::move(wanted), before = told_]() -> Background::After {
        return [this, wanted, done = tell(world, wanted, before)] {
            telling_ = false;
            if (done.has_value()) {
                told_ = wanted;
            } else {
                log::warning(done.error().message + "; tried again");
                next_ = Time(now_ns()) + world_.retry;
            }
        };
    });
}

} // namespace ballast::agent
