// SPDX-License-Identifier: Apache-2.0
#include "updater/flow.h"

#include <algorithm>
#include <utility>

#include "base/quote.h"

namespace ballast::updater {
namespace {

std::string shown(const CommitInfo &commit) {
    constexpr std::size_t kShort = 12;
    return commit.version.empty() ? commit.checksum.substr(0, kShort) : commit.version;
}

} // namespace

const Deployment *running_of(const std::vector<Deployment> &deployments) {
    const auto found = std::ranges::find_if(deployments, &Deployment::booted);
    return found != deployments.end() ? &*found : deployments.empty() ? nullptr : &deployments.front();
}

const Deployment *next_of(const std::vector<Deployment> &deployments) {
    const Deployment *running = running_of(deployments);
    return running == nullptr || running == &deployments.front() ? nullptr : &deployments.front();
}

const Deployment *previous_of(const std::vector<Deployment> &deployments) {
    const Deployment *running = running_of(deployments);
    const Deployment *next = next_of(deployments);
    if (next != nullptr && !next->staged) {
        return running;
    }
    const auto found =
        std::ranges::find_if(deployments, [=](const Deployment &one) { return &one != running && !one.staged; });
    return found == deployments.end() ? nullptr : &*found;
}

Result<std::string> target_ref(const std::string &refspec, const std::string &target) {
    const std::string followed = refspec.substr(refspec.find(':') + 1);
    if (target.empty()) {
        if (followed.empty()) {
            return fail(EINVAL, "this system follows no channel: name one with \"ballast rebase\"");
        }
        return followed;
    }
    if (is_checksum(target) || target.contains('/')) {
        return target;
    }
    const std::size_t first = followed.find('/');
    const std::size_t second = followed.find('/', first + 1);
    if (is_checksum(followed) || first == std::string::npos || second == std::string::npos) {
        return fail(EINVAL, quote(refspec) + " is no ref with a channel in it: name the whole ref");
    }
    return followed.substr(0, first + 1) + target + followed.substr(second);
}

Flow::Flow(Host &host, std::filesystem::path directory, Strategy strategy, bool has_windows,
           std::function<void()> changed)
    : host_(host), directory_(std::move(directory)), strategy_(strategy), has_windows_(has_windows),
      changed_(std::move(changed)) {
    LoadedRecord loaded = load_record(directory_);
    snapshot_.record = std::move(loaded.record);
    snapshot_.trouble = std::move(loaded.trouble);
}

void Flow::configure(Strategy strategy, bool has_windows) {
    strategy_ = strategy;
    has_windows_ = has_windows;
}

Snapshot Flow::snapshot() const {
    const std::lock_guard held(mutex_);
    return snapshot_;
}

Status Flow::save() {
    std::string text = record_text(snapshot().record);
    if (text != saved_) { // looking at the status wears no disk
        TRY(save_record(directory_, snapshot().record));
        saved_ = std::move(text);
    }
    if (changed_) {
        changed_();
    }
    return {};
}

Status Flow::enter(State state) {
    {
        const std::lock_guard held(mutex_);
        if (snapshot_.record.state != state || snapshot_.record.since == 0) {
            snapshot_.record.state = state;
            snapshot_.record.since = host_.now();
        }
        if (state != State::kWaiting) {
            snapshot_.waiting_for.clear();
        }
        if (state != State::kDownloading) {
            snapshot_.progress = {};
        }
    }
    return save();
}

Status Flow::happened(Event event) {
    const State state = snapshot().record.state;
    const std::optional<State> next = next_state(state, event);
    if (!next) {
        return fail(EBUSY, "not now: the updater is " + std::string(name_of(state)));
    }
    return enter(*next);
}

Status Flow::remember(const std::string &what, const CommitInfo &commit, const std::string &detail) {
    return add_history(
        directory_,
        {.when = host_.now(), .what = what, .version = commit.version, .checksum = commit.checksum, .detail = detail});
}

void Flow::note_check(bool succeeded, const std::string &outcome) {
    const std::lock_guard held(mutex_);
    const std::int64_t before = snapshot_.record.last_check ? snapshot_.record.last_check->succeeded_when : 0;
    const std::int64_t now = host_.now();
    snapshot_.record.last_check =
        LastCheck{.when = now, .succeeded = succeeded, .outcome = outcome, .succeeded_when = succeeded ? now : before};
}

void Flow::wait_for(std::vector<std::string> reasons) {
    const std::lock_guard held(mutex_);
    snapshot_.waiting_for = std::move(reasons);
}

Result<Offer> Flow::look(const Wish &wish, std::stop_token stop) {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    const Deployment *running = running_of(deployments);
    if (running == nullptr) {
        return fail(ENOENT, "there is no deployment to update");
    }
    // What is prepared may follow another channel already: the last decision counts.
    return host_.look(TRY(target_ref(deployments.front().refspec, wish.target)), std::move(stop));
}

// The event that the offer is, sent; an outcome with an offer means that it is to be taken.
Result<Outcome> Flow::judge(const Wish &wish, const Offer &offer) {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    const Deployment *running = running_of(deployments);
    const Deployment *next = next_of(deployments);
    const Record record = snapshot().record;
    if (next != nullptr && next->commit.checksum == offer.commit.checksum && next->refspec == offer.refspec) {
        note_check(true, shown(offer.commit) + " is ready for the next restart");
        TRY(happened(Event::kNothingNewer));
        return Outcome{.text = shown(offer.commit) + " is ready already: the next restart takes it", .offer = {}};
    }
    if (next == nullptr && running->commit.checksum == offer.commit.checksum && running->refspec == offer.refspec) {
        note_check(true, "nothing newer than " + shown(running->commit));
        TRY(happened(Event::kNothing));
        return Outcome{.text = "nothing newer than " + shown(running->commit), .offer = {}};
    }
    const auto refused = std::ranges::find(record.refused, offer.commit.checksum, &Refused::checksum);
    if (refused != record.refused.end() && !wish.insist) {
        const std::string text = shown(offer.commit) + " was given up here before (" + refused->reason + ")";
        note_check(true, text);
        TRY(happened(next != nullptr         ? Event::kNothingNewer
                     : refused->acknowledged ? Event::kNothing
                                             : Event::kRefused));
        return Outcome{.text = text + "; \"ballast upgrade --insist\" takes it again", .offer = {}};
    }
    const std::uint64_t newest = std::max(record.newest_timestamp, running->commit.timestamp);
    if (offer.commit.timestamp < newest && !wish.allow_older) {
        const std::string text = "refused: " + shown(offer.commit) + " is older than what was good here";
        note_check(false, text);
        TRY(happened(next != nullptr ? Event::kNothingNewer : Event::kNothing));
        return fail(EPERM, text + "; \"ballast upgrade --allow-older\" takes it");
    }
    note_check(true, shown(offer.commit) + " is available");
    return Outcome{.text = shown(offer.commit) + " is available", .offer = offer};
}

Result<Outcome> Flow::check(const Wish &wish, std::stop_token stop) {
    const State before = snapshot().record.state;
    TRY(happened(Event::kAsked));
    const Result<Offer> offer = look(wish, std::move(stop));
    if (!offer.has_value()) {
        note_check(false, offer.error().message);
        TRY(enter(before)); // what was prepared before still is
        return std::unexpected(offer.error());
    }
    Result<Outcome> outcome = judge(wish, *offer);
    if (outcome.has_value() && outcome->offer) {
        TRY(enter(before));
    }
    return outcome;
}

Status Flow::expect(const CommitInfo &commit, const std::string &how) {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    const Deployment *running = running_of(deployments);
    {
        const std::lock_guard held(mutex_);
        snapshot_.record.expected = Expected{.checksum = commit.checksum,
                                             .version = commit.version,
                                             .from_checksum = running->commit.checksum,
                                             .from_version = running->commit.version,
                                             .prepared = host_.now()};
        std::erase_if(snapshot_.record.refused, [&](const Refused &one) { return one.checksum == commit.checksum; });
    }
    TRY(happened(Event::kPrepared));
    return remember(how, commit, "");
}

Status Flow::fetch_and_deploy(const Offer &offer, std::stop_token stop) {
    const auto watch = [this](const PullProgress &progress) {
        {
            const std::lock_guard held(mutex_);
            snapshot_.progress = progress;
        }
        if (changed_) {
            changed_();
        }
    };
    TRY(host_.pull(offer, watch, std::move(stop)));
    const BootFacts facts = TRY(host_.boot_facts());
    if (facts.trial.starts_with(offer.commit.checksum)) {
        TRY(host_.forget_trial()); // used up by an earlier attempt at the same version
    }
    return host_.deploy({.checksum = offer.commit.checksum, .refspec = offer.refspec});
}

Result<Outcome> Flow::upgrade(const Wish &wish, std::stop_token stop) {
    const State before = snapshot().record.state;
    TRY(happened(Event::kAsked));
    const Result<Offer> offer = look(wish, stop);
    if (!offer.has_value()) {
        note_check(false, offer.error().message);
        TRY(enter(before));
        return std::unexpected(offer.error());
    }
    Outcome outcome = TRY(judge(wish, *offer));
    if (!outcome.offer) {
        return outcome;
    }
    {
        const std::lock_guard held(mutex_);
        snapshot_.downloading = shown(offer->commit);
    }
    TRY(happened(Event::kFound));
    if (const Status status = fetch_and_deploy(*offer, std::move(stop)); !status.has_value()) {
        note_check(false, status.error().message);
        TRY(happened(Event::kFailed));
        TRY(settle()); // something may be prepared from before
        return std::unexpected(status.error());
    }
    TRY(expect(offer->commit, "staged"));
    outcome.text = shown(offer->commit) + " is ready: the next restart takes it";
    return outcome;
}

// The fleet's lock, where the strategy asks for it. What there is to wait for afterwards.
Result<std::vector<std::string>> Flow::take_lock(Moment &moment) {
    if (strategy_ != Strategy::kLock || moment.insisted || moment.lock_held) {
        return std::vector<std::string>();
    }
    if (const Status lock = host_.take_lock(); lock.has_value()) {
        moment.lock_held = true;
    } else {
        moment.lock_refusal = lock.error().message;
    }
    moment.window = TRY(host_.windows()); // the lock may have taken long to come
    const std::lock_guard held(mutex_);
    snapshot_.record.lock_held = moment.lock_held;
    return reasons_to_wait(moment);
}

// The workloads leave. What there is to wait for afterwards.
Result<std::vector<std::string>> Flow::drain(Moment &moment) {
    {
        const std::lock_guard held(mutex_);
        snapshot_.record.drained = true; // on disk before it begins: whatever ends us, they come back
    }
    TRY(happened(Event::kHeldBack));
    wait_for({"the workloads are being drained"});
    if (changed_) {
        changed_();
    }
    if (const Status drained = host_.drain(); !drained.has_value()) {
        moment.drain_refusal = drained.error().message;
    }
    moment.window = TRY(host_.windows()); // they may have taken long to leave
    return reasons_to_wait(moment);
}

// What was taken for a restart that does not come is given back. What does not go back just now stays in the record,
// and the next start of the updater tries again.
void Flow::stay() {
    const Record record = snapshot().record;
    const bool drained = record.drained && !host_.resume().has_value();
    const bool lock_held = record.lock_held && !host_.give_lock_back().has_value(); // others may restart meanwhile
    const std::lock_guard held(mutex_);
    snapshot_.record.drained = drained;
    snapshot_.record.lock_held = lock_held;
}

Result<Outcome> Flow::restart(bool insisted) {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    const Deployment *next = next_of(deployments);
    if (next == nullptr) {
        return Outcome{.text = "nothing is prepared", .offer = {}};
    }
    const BootFacts facts = TRY(host_.boot_facts());
    Moment moment{.strategy = strategy_,
                  .insisted = insisted,
                  .on_trial = !facts.running.empty() && facts.running != facts.good,
                  .has_windows = has_windows_,
                  .window = TRY(host_.windows()),
                  .lock_held = snapshot().record.lock_held};
    std::vector<std::string> reasons = reasons_to_wait(moment, false);
    if (reasons.empty()) {
        reasons = TRY(take_lock(moment));
    }
    if (reasons.empty() && host_.has_drain()) {
        reasons = TRY(drain(moment));
    }
    if (!reasons.empty()) {
        stay();
        std::string text = shown(next->commit) + " waits: " + reasons.front();
        TRY(happened(Event::kHeldBack));
        wait_for(std::move(reasons));
        if (changed_) {
            changed_();
        }
        return Outcome{.text = std::move(text), .offer = {}};
    }
    TRY(happened(Event::kAllowed));
    TRY(remember("rebooting", next->commit, insisted ? "an operator asked for it" : ""));
    if (const Status status = host_.reboot(); !status.has_value()) {
        stay();
        TRY(happened(Event::kFailed));
        return std::unexpected(status.error());
    }
    return Outcome{.text = "restarting into " + shown(next->commit), .offer = {}};
}

Result<Outcome> Flow::roll_back() {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    const Deployment *running = running_of(deployments);
    const Deployment *target = previous_of(deployments);
    if (target == nullptr) {
        return fail(ENOENT, "there is no deployment to go back to");
    }
    if (is_busy(snapshot().record.state)) {
        return fail(EBUSY, "not now: the updater is " + std::string(name_of(snapshot().record.state)));
    }
    const Deployment *left = target == running ? next_of(deployments) : running;
    TRY(host_.forget_trial());
    TRY(host_.make_first(target->name()));
    {
        const std::lock_guard held(mutex_);
        std::erase_if(snapshot_.record.refused,
                      [&](const Refused &one) { return one.checksum == left->commit.checksum; });
        snapshot_.record.refused.push_back({.checksum = left->commit.checksum,
                                            .version = left->commit.version,
                                            .reason = "an operator went back from it",
                                            .journal = {},
                                            .when = host_.now(),
                                            .acknowledged = true});
        snapshot_.record.expected.reset();
    }
    if (target == running) {
        TRY(enter(State::kIdle));
        TRY(remember("rollback", target->commit, "what was prepared is not taken"));
        return Outcome{.text = shown(target->commit) + " stays: what was prepared is not taken", .offer = {}};
    }
    TRY(expect(target->commit, "rollback"));
    return Outcome{.text = shown(target->commit) + " is next: restart to go back to it", .offer = {}};
}

Result<Outcome> Flow::change_kernel_arguments(const KernelArgumentChanges &changes) {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    if (deployments.empty()) {
        return fail(ENOENT, "there is no deployment to change");
    }
    if (is_busy(snapshot().record.state)) {
        return fail(EBUSY, "not now: the updater is " + std::string(name_of(snapshot().record.state)));
    }
    const Deployment base = deployments.front();
    TRY(host_.deploy({.checksum = base.commit.checksum, .refspec = base.refspec, .kernel_arguments = changes}));
    TRY(expect(base.commit, "kernel-arguments"));
    return Outcome{.text = "the next restart takes the new kernel arguments", .offer = {}};
}

Result<Outcome> Flow::pin(const std::string &which, bool pinned) {
    const std::vector<Deployment> deployments = TRY(host_.deployments());
    const Deployment *found = nullptr;
    for (const Deployment &one : deployments) {
        const bool meant = !which.empty() && (one.commit.version == which || one.commit.checksum.starts_with(which) ||
                                              one.name() == which);
        if (meant && found != nullptr) {
            return fail(EINVAL, quote(which) + " is several deployments: " + found->name() + " and " + one.name());
        }
        found = meant ? &one : found;
    }
    if (found == nullptr) {
        return fail(ENOENT, "no deployment has the version or checksum " + quote(which));
    }
    TRY(host_.pin(found->name(), pinned));
    return Outcome{.text = shown(found->commit) + (pinned ? " is pinned" : " is not pinned any more"), .offer = {}};
}

Result<Outcome> Flow::clean_up() {
    TRY(host_.clean_up());
    return Outcome{.text = "removed what no deployment needs", .offer = {}};
}

Result<Outcome> Flow::acknowledge() {
    {
        const std::lock_guard held(mutex_);
        for (Refused &refused : snapshot_.record.refused) {
            refused.acknowledged = true;
        }
    }
    if (snapshot().record.state == State::kRolledBack) {
        TRY(happened(Event::kAcknowledged));
    } else {
        TRY(save());
    }
    return Outcome{.text = "seen", .offer = {}};
}

} // namespace ballast::updater
