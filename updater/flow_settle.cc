// SPDX-License-Identifier: Apache-2.0
// What a restart made of what was prepared. The truth is the boot loader's and libostree's; the record tells the story.
#include <algorithm>

#include "updater/flow.h"

namespace ballast::updater {
namespace {

const Deployment *with_checksum(const std::vector<Deployment> &deployments, const std::string &checksum) {
    const auto found = std::ranges::find_if(
        deployments, [&](const Deployment &one) { return one.commit.checksum == checksum && !one.booted; });
    return found == deployments.end() ? nullptr : &*found;
}

bool is_given_up(const BootFacts &facts, const Deployment &deployment) {
    return !deployment.staged && facts.trial == deployment.name() && facts.tries == 0;
}

} // namespace

// The running deployment is good: whatever it came from is over.
Status Flow::proven(const Deployment &running) {
    Expected expected;
    bool was_new = false;
    {
        const std::lock_guard guard(mutex_);
        Record &record = snapshot_.record;
        was_new = record.expected && record.expected->checksum == running.commit.checksum;
        if (was_new) {
            expected = *record.expected;
            record.expected.reset();
            for (Refused &one : record.refused) { // another one works now
                one.acknowledged = true;
            }
        }
        record.newest_timestamp = std::max(record.newest_timestamp, running.commit.timestamp);
    }
    if (was_new) {
        TRY(remember("updated", running.commit, "from " + expected.from_version));
    }
    stay();
    const bool unseen =
        std::ranges::any_of(snapshot().record.refused, [](const Refused &one) { return !one.acknowledged; });
    return enter(unseen ? State::kRolledBack : State::kIdle);
}

// The boot loader went back. Evidence first, then the deployment goes: it would stay in front of the menu for ever.
Status Flow::given_up(const Deployment *failed) {
    const Evidence evidence = host_.evidence(failed->name());
    {
        const std::lock_guard guard(mutex_);
        Record &record = snapshot_.record;
        std::erase_if(record.refused, [&](const Refused &one) { return one.checksum == failed->commit.checksum; });
        record.refused.push_back({.checksum = failed->commit.checksum,
                                  .version = failed->commit.version,
                                  .reason = evidence.reason,
                                  .journal = evidence.journal,
                                  .when = host_.now()});
        record.expected.reset();
    }
    TRY(enter(State::kRolledBack));
    TRY(remember("rolled-back", failed->commit, evidence.reason));
    return host_.remove(failed->name());
}

Status Flow::settle_expected(const std::vector<Deployment> &deployments, const BootFacts &facts) {
    const Expected expected = *snapshot().record.expected;
    const Deployment *running = running_of(deployments);
    const Deployment *waiting = with_checksum(deployments, expected.checksum);
    const bool in_front = waiting != nullptr && waiting == &deployments.front();
    if (in_front && running->booted) {
        if (is_given_up(facts, *waiting)) {
            return given_up(waiting);
        }
        const bool waits = snapshot().record.state == State::kWaiting;
        if (waits) {
            stay(); // the workloads may have left when the updater died
        }
        return enter(waits ? State::kWaiting : State::kStaged);
    }
    if (running->commit.checksum == expected.checksum) {
        return facts.running == facts.good ? proven(*running) : enter(State::kVerifying);
    }
    TRY(remember("withdrawn", {.checksum = expected.checksum, .version = expected.version},
                 "what was prepared is not there any more"));
    {
        const std::lock_guard guard(mutex_);
        snapshot_.record.expected.reset();
    }
    return settle_unexpected(deployments, facts);
}

// Without memory of what was prepared: by another program, or the record was lost.
Status Flow::settle_unexpected(const std::vector<Deployment> &deployments, const BootFacts &facts) {
    const Deployment *running = running_of(deployments);
    if (const Deployment *next = next_of(deployments); next != nullptr) {
        if (is_given_up(facts, *next)) {
            return given_up(next);
        }
        {
            const std::lock_guard guard(mutex_);
            snapshot_.record.expected = Expected{.checksum = next->commit.checksum,
                                                 .version = next->commit.version,
                                                 .from_checksum = running->commit.checksum,
                                                 .from_version = running->commit.version,
                                                 .prepared = host_.now()};
        }
        return enter(State::kStaged);
    }
    if (!facts.running.empty() && facts.running != facts.good) {
        return enter(State::kVerifying);
    }
    return proven(*running);
}

Status Flow::settle() {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    if (deployments.empty()) {
        return enter(State::kIdle);
    }
    const BootFacts facts = TRY(host_.boot_facts());
    return snapshot().record.expected ? settle_expected(deployments, facts) : settle_unexpected(deployments, facts);
}

} // namespace ballast::updater
