// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "agent/api_server/api_server.h"
#include "agent/api_server/watcher.h"
#include "agent/certificates/node_credentials.h"
#include "agent/cluster/api_pod.h"
#include "agent/cluster/events.h"
#include "agent/cluster/objects.h"
#include "agent/cluster/shown_pod.h"
#include "agent/config/flags.h"
#include "agent/cri_client/runtime.h"
#include "agent/node/reporter.h"
#include "agent/worker/background.h"
#include "agent/worker/pods.h"
#include "base/fd.h"
#include "base/result.h"

namespace ballast::agent {

// This node's part in a cluster: its Node, the pods that are bound to it, and what becomes of them. In the owner's
// thread, unless it is said otherwise.
class Cluster {
  public:
    using Time = Pods::Time;

    // Nothing when the options name no cluster. What is given outlives it; but the background's work ends before. While
    // the node has yet to be given a certificate the API server is as good as away.
    static Result<std::unique_ptr<Cluster>> open(const Options &options, Runtime &runtime, Background &background,
                                                 std::string address);
    Cluster(const Cluster &) = delete;
    Cluster &operator=(const Cluster &) = delete;

    // Readable when step() has something to do.
    std::array<BorrowedFd, 2> changed() const;
    // Takes what the API server says, and tells it what has become of `pods`. True: wanted() is another.
    bool step(const Pods &pods, Time now);
    // The static pods, all of them: each is shown by an object of its own.
    void set_static(const std::vector<Pod> &pods);
    // What step() is to be called for, if nothing happens before.
    std::optional<Time> due() const { return due_; }
    // The pods that are bound to this node are known, and what each of them needs to begin.
    bool known() const { return known_ && objects_.knows_services(); }
    std::vector<WantedPod> wanted() const;
    // The pods of this node, static ones too, each an object of the API (v1) with its status as it is now.
    std::vector<Json> shown(const Pods &pods);
    // One of them. `uid`: its own or its mirror's; empty: any. Nothing: there is no such pod here.
    std::optional<ShownPod> shown(const Pods &pods, const std::string &full_name, const std::string &uid);
    // The node has credentials, and asks the API server by them.
    bool has_joined() const { return reporter_.has_value(); }
    // As whom the API server is asked. EAGAIN: the node has no credentials yet. From any thread.
    Result<ApiAccess> access() const;
    // For whoever asks it beside. From any thread.
    ApiServer &server() { return server_; }

    // What pods refer to.
    PodObjects objects() { return objects_.functions(); }
    // From any thread.
    void note(const Pod &pod, const Note &note);
    void note_node(const Note &note);
    // As drain_node() and uncordon_node(), of this node; EAGAIN as access(). From any thread, and they take their time.
    Status drain(std::chrono::milliseconds time);
    Status uncordon();
    // The machine is shut down: pods that come are refused, and the node is not ready.
    void set_leaving(bool leaving) { leaving_ = leaving; }
    // What step() had to tell of pods has been told.
    bool has_told() const { return told_all_; }
    // Requests that are on their way are given up.
    void stop() { stop_.request_stop(); }

  private:
    // A pod, and how far the API server has been told of it.
    struct Entry {
        ApiPod api = {};
        Json told = {};        // the status; null: nothing yet
        bool was_over = false; // before this agent saw it first: its status is not ours to tell
        bool admitted = false; // or refused
        bool given = false;    // to those who run pods
        bool gone = false;     // they have done with it
        bool sending = false;
        bool removed = false; // the API server was told to forget it
        Time not_before{0};
    };

    Cluster(const Options &options, Runtime &runtime, Background &background, std::string address, Fd event);
    Status take_credentials();
    Status join();
    NodeInputs inputs();
    bool take_changes();
    void take(const Change &change);
    void store(Json object);
    void admit(Entry &entry, const Pods &pods);
    void report(Entry &entry, const Pods &pods, Time now);
    std::optional<Json> status_of(const Entry &entry, const Pods &pods, Time now);
    std::optional<Json> live_status(const PodLife &life, const Json &before, const Json &conditions, Time now);
    Json shown_bound(const Entry &entry, const Pods &pods);
    Json shown_static(const Pod &pod, const Pods &pods);
    std::string last_words(const Pod &pod, const ObservedContainer &container);
    const Pod *shown_by(const ApiPod &mirror) const;
    void keep_mirrors(Time now);
    void make_mirror(const Pod &pod);
    void send_status(Entry &entry, Json status);
    void remove(Entry &entry);
    void sent(const std::string &uid, const Status &done, const std::string &what);

    const Options &options_;
    Runtime &runtime_;
    Background &background_;
    std::string address_;
    std::stop_source stop_;
    ApiServer server_;
    Events events_;
    ClusterObjects objects_;
    Fd event_; // eventfd(2), readable once the API server can be asked
    bool can_join_ = false;
    std::unique_ptr<Watcher> watcher_; // of pods; this and the next two: nothing before join()
    std::unique_ptr<Watcher> services_;
    std::map<std::string, Entry> entries_;             // by UID
    std::optional<std::map<std::string, Pod>> static_; // by their full names; nothing: not known yet
    std::map<std::string, Time> mirrors_; // being made, by full names: when to try again; 0: it is on its way
    bool known_ = false;
    bool told_all_ = false;
    std::atomic<bool> leaving_ = false;
    std::string trouble_;
    std::optional<Time> due_;
    std::map<std::string, std::string> last_words_; // by container's ID
    std::mutex mutex_;                              // over what follows
    std::string runtime_name_;                      // "ballastd"
    std::optional<NodeReporter> reporter_;
    std::unique_ptr<NodeCredentials> credentials_; // last: it ends first
};

} // namespace ballast::agent
