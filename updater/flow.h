// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <filesystem>
#include <functional>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "updater/host.h"
#include "updater/policy.h"
#include "updater/record.h"

// The updater's sequence: what is asked for becomes events of the state machine and changes of the host, and every
// step is on disk before the next one begins. One operation at a time; snapshot() may be called from other threads.
namespace ballast::updater {

struct Wish {
    std::string target;       // a ref, a channel or a commit's checksum; empty: what the system follows already
    bool allow_older = false; // take a commit that is older than what was good here
    bool insist = false;      // take a version that was refused before
};

struct Outcome {
    std::string text;           // one line for people: "1.20260701.0 is ready: the next restart takes it"
    std::optional<Offer> offer; // what there is to take
};

struct Snapshot {
    Record record;
    PullProgress progress;
    std::string downloading; // its version
    std::vector<std::string> waiting_for;
    std::string trouble; // with the record
};

class Flow {
  public:
    // `changed` is called after every change of the state and every progress, from the thread of the operation.
    Flow(Host &host, std::filesystem::path directory, Strategy strategy, bool has_windows,
         std::function<void()> changed = {});

    // From now on; not while another thread is in an operation.
    void configure(Strategy strategy, bool has_windows);

    // Compares what is remembered with what is: at every start, and whenever the boot loader may have news.
    Status settle();

    Result<Outcome> check(const Wish &wish, std::stop_token stop = {});
    // Checks, fetches and prepares. EPERM for an older one, EALREADY-like successes say so in the text.
    Result<Outcome> upgrade(const Wish &wish, std::stop_token stop = {});
    // Restarts if all policies allow it. Success with a text either way; the reasons are in snapshot().
    Result<Outcome> restart(bool insisted);

    // The deployment before the running one is next; that what runs is not taken again unasked.
    Result<Outcome> roll_back();
    Result<Outcome> change_kernel_arguments(const KernelArgumentChanges &changes);
    // `which`: a version, a checksum or the beginning of one.
    Result<Outcome> pin(const std::string &which, bool pinned);
    Result<Outcome> clean_up();
    Result<Outcome> acknowledge();

    Snapshot snapshot() const;

  private:
    Status happened(Event event);
    Status enter(State state);
    Status save();
    Result<std::vector<std::string>> take_lock(Moment &moment);
    Result<std::vector<std::string>> drain(Moment &moment);
    void stay();
    Status remember(const std::string &what, const CommitInfo &commit, const std::string &detail);
    Result<Offer> look(const Wish &wish, std::stop_token stop);
    Result<Outcome> judge(const Wish &wish, const Offer &offer);
    Status fetch_and_deploy(const Offer &offer, std::stop_token stop);
    Status expect(const CommitInfo &commit, const std::string &how);
    Status proven(const Deployment &running);
    Status given_up(const Deployment *failed);
    Status settle_expected(const std::vector<Deployment> &deployments, const BootFacts &facts);
    Status settle_unexpected(const std::vector<Deployment> &deployments, const BootFacts &facts);
    void note_check(bool succeeded, const std::string &outcome);
    void wait_for(std::vector<std::string> reasons);

    Host &host_;
    std::filesystem::path directory_;
    Strategy strategy_;
    bool has_windows_;
    std::function<void()> changed_;
    std::string saved_;        // the record's text, as it is on disk
    mutable std::mutex mutex_; // of what follows
    Snapshot snapshot_;
};

// The deployment that runs; without one (another root), the first. nullptr: none at all.
const Deployment *running_of(const std::vector<Deployment> &deployments);
// What the next restart takes, if that is another one than what runs.
const Deployment *next_of(const std::vector<Deployment> &deployments);
// What `ballast rollback` goes to: what ran before, or what runs when something else is next. nullptr: none.
const Deployment *previous_of(const std::vector<Deployment> &deployments);

// "beta" for a system that follows "ballast:ballast/stable/x86_64/cloud" is "ballast/beta/x86_64/cloud". EINVAL when
// there is nothing to put a channel into.
Result<std::string> target_ref(const std::string &refspec, const std::string &target);

} // namespace ballast::updater
